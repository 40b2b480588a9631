"""The `omnimix` command.

in   arguments, the environment, a workspace folder
out  text or JSON, files, and an exit code: 0 done, 1 findings need a person, 2 wrong input, 3 something outside is
     unavailable
"""

from omnimix.cli.main import main

__all__ = ["main"]
