"""The lines that are marked in figures and pages, apart from what draws them."""

LINES = {  # vacuum Angstrom (NIST)
    "[O II]": 3728.5,
    "Ca K": 3934.8,
    "Hβ": 4862.7,
    "[O III]": 5008.2,
    "Mg b": 5176.6,
    "Na D": 5895.6,
    "[O I]": 6302.0,
    "Hα": 6564.6,
    "[N II]": 6585.3,
    "[S II]": 6725.5,
}
