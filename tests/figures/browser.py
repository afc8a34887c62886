"""A browser without a window, driven by Selenium; nothing is fetched, by it or for it."""

import shutil
from contextlib import contextmanager

from selenium import webdriver

from tests.conftest import lacking

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars"),
]


@contextmanager
def open_browser(folder, dark=False, size=(1280, 900)):
    """Yield Chromium with a profile and a folder for downloads below ``folder``; skip where it is not installed."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        lacking("chromium and its driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    (folder / "profile").mkdir(parents=True, exist_ok=True)
    (folder / "downloads").mkdir(exist_ok=True)
    places = [f"--user-data-dir={folder / 'profile'}", f"--window-size={size[0]},{size[1]}"]
    for flag in [*FLAGS, *places]:
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder / "downloads")})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver, env={"SE_OFFLINE": "true", "SE_AVOID_STATS": "true", "HOME": str(folder)})
    chrome = webdriver.Chrome(options, service)
    try:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        yield chrome
    finally:
        chrome.quit()
