"""The report: one HTML file that a person can read, print and pass on.

in   a Report: the records of all stages, each of them optional
out  the text of one self-contained HTML page

`record` says what a report is made of, `verdict` puts it into sentences, `charts` and `graph` draw, `thumbnail`
embeds the pictures, `page` fills the templates.
"""
