"""The page of candidates in a browser, as a person at the keyboard sees it."""

import time

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By


class Page:
    """A page in a browser, as a person at the keyboard sees it."""

    def __init__(self, browser, path):
        self.browser = browser
        browser.get(path.as_uri())
        self.settle()

    def press(self, *keys):
        """Press keys one after another, and wait until the candidate is drawn."""
        ActionChains(self.browser).send_keys(*keys).perform()
        self.settle()

    def settle(self):
        """Wait until the candidate that is chosen is drawn."""
        self.until("return !order.length || document.body.dataset.drawn === order[at].id")

    def until(self, script):
        """Wait for a script to be true."""
        for _ in range(200):
            if self.browser.execute_script(script):
                return
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}")

    def text(self, name):
        """Return the text of an element."""
        return self.browser.find_element(By.ID, name).text

    def complaints(self):
        """Return what the browser's console says."""
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def shown(self):
        """Return the names in the list, in its order."""
        return self.browser.execute_script("return order.map((one) => one.name)")

    def ink(self, canvas):
        """Return how many pixels of a canvas are drawn on, and the colour of the page."""
        script = """const c = document.getElementById(arguments[0]);
        const values = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        let n = 0;
        for (let i = 3; i < values.length; i += 4) n += values[i] > 0;
        return [n, getComputedStyle(document.body).backgroundColor];"""
        return self.browser.execute_script(script, canvas)
