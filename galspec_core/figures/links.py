"""Where a spectrum is shown: the page on it in the archive of its survey, and nowhere where the survey is simulated."""

ARCHIVES = {  # the address of a spectrum's page but for its specobjid, and whose page it is
    "sdss": ("https://skyserver.sdss.org/dr16/en/tools/explore/summary.aspx?sid=", "SkyServer"),
    "desi": ("https://www.legacysurvey.org/viewer/desi-spectrum/dr1/targetid", "the Legacy Surveys' viewer"),
    "simulated": ("", ""),
}
SIMULATED = "The survey is simulated: no archive knows its galaxies."


def link_words(archive):
    """Return what the template of a page says of its link to an archive: ``link``, and ``no_link`` where there is none."""
    address, named = ARCHIVES[archive]
    return {"link": f"Open in {named}", "no_link": ""} if address else {"link": "", "no_link": SIMULATED}
