"""Pictures: a variant's words become seven designed PNGs in the brand's own colours and type.

in   Variant (words), Brand, a product photo or none
out  Image records and PNG files, text always legible (WCAG 2.2), always inside the safe area

`poster` says what stands on a picture, `palette` derives colours that can be read, `motif` chooses the drawing
where there is no photo, `size` knows the seven formats, `render` calls Typst with the templates beside it.
"""
