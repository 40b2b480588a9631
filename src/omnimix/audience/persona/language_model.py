"""A narrator that is a language model behind the OpenAI protocol: a vendor's, or one on your own machine.

in   `[personas.narrator]`: model, base_url, api_key
out  sentences with the facts they rest on; the check in `narrative` decides whether anybody reads them

What leaves the house is a segment's name and its statements: counts, shares and words that many people share.
Needs the extra `llm` (`pip install omnimix[llm]`).
"""

import json
from collections.abc import Sequence
from dataclasses import field
from typing import Any

from omnimix.audience.persona.port import Fact, Sentence
from omnimix.core.errors import InvalidInput, Unavailable
from omnimix.core.record import config

INSTRUCTIONS = """
You write a short portrait of a customer segment for a marketing team: three to five plain sentences in the third
person plural. You are given numbered facts. Say only what the facts say, in their own words, with figures and
comparisons unchanged and in the order in which a fact gives them. Add no figure, no cause, no praise, no advice.
Answer with JSON alone: {"sentences": [{"text": "...", "facts": ["s1"]}]}, naming for each sentence the facts it
rests on.
""".strip()


@config
class NarratorRules:
    """`[personas.narrator]`: who tells the portraits. Without a `model` the built-in template does."""

    model: str | None = None
    base_url: str = "https://api.openai.com/v1"
    api_key: str = field(default="", repr=False)
    timeout_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.timeout_seconds <= 0:
            raise InvalidInput("no time to answer", where="personas.narrator.timeout_seconds", fix="use 30")


class LanguageModel:
    """Narrator over pydantic-ai. The same facts are asked with temperature 0 and a fixed seed."""

    def __init__(self, rules: NarratorRules) -> None:
        try:
            from openai import AsyncOpenAI  # noqa: PLC0415  # optional extra
            from pydantic_ai import Agent  # noqa: PLC0415  # optional extra
            from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415  # optional extra
            from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415  # optional extra
        except ImportError:
            raise Unavailable(
                "a narrator needs the extra llm", where="personas.narrator", fix="pip install 'omnimix[llm]'"
            ) from None
        self.name = rules.model or ""
        self._seconds = rules.timeout_seconds
        client = AsyncOpenAI(
            base_url=rules.base_url,
            api_key=rules.api_key or "none",
            timeout=rules.timeout_seconds,
            max_retries=0,
        )
        model = OpenAIChatModel(self.name, provider=OpenAIProvider(openai_client=client))
        self._agent: Any = Agent(model, instructions=INSTRUCTIONS, output_type=str, retries=0)

    def tell(self, name: str, facts: Sequence[Fact]) -> tuple[Sentence, ...]:
        """Ask once. Raises Unavailable when there is no answer in time, InvalidInput for one that is no JSON."""
        from pydantic_ai.exceptions import AgentRunError  # noqa: PLC0415  # optional extra

        asked = "\n".join([f"Segment: {name}", *(f"{f.key}: {f.text}" for f in facts)])
        settings = {"temperature": 0.0, "seed": 1, "timeout": self._seconds}
        try:
            answer = self._agent.run_sync(asked, model_settings=settings).output
        except (AgentRunError, OSError, TimeoutError) as error:
            raise Unavailable(f"gave no answer ({type(error).__name__})", where="personas.narrator") from None
        return read_answer(answer)


def read_answer(answer: str) -> tuple[Sentence, ...]:
    """The sentences of a model's JSON, also between code fences. Raises InvalidInput for anything else."""
    inside = answer[answer.find("{") : answer.rfind("}") + 1]
    try:
        rows = json.loads(inside)["sentences"]
        return tuple(Sentence(str(r["text"]), tuple(str(k) for k in r["facts"])) for r in rows)
    except (ValueError, KeyError, TypeError):
        raise InvalidInput("answered something that is not the JSON it was asked for") from None
