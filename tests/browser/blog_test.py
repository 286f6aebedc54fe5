"""The example blog, as a reader meets it."""

import pathlib
import shutil
import subprocess

import pytest
from conftest import cumulet
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

BLOG = pathlib.Path(__file__).parent.parent.parent / "examples/blog"
SECONDS = 120  # A function's first start on a busy machine.

TITLE = "Clouds & <b>weather</b>"
PARAGRAPH = "Rain in the morning, 오후에는 맑음, <script>document.title = 'broken'</script>"
COMMENT = "Sunny here; \"quotes\" & 'more' <img src=x onerror=alert(1)>"


class Blog:
    """A deployed blog and the page in the browser."""

    def __init__(self, server, browser, outputs):
        self.server, self.browser, self.outputs = server, browser, outputs

    def wait_for(self, condition, what):
        try:
            return WebDriverWait(self.browser, SECONDS, poll_frequency=0.05).until(lambda _: condition())
        except Exception as problem:
            page = self.browser.find_element(By.TAG_NAME, "body").text
            console = "\n".join(entry["message"] for entry in self.browser.get_log("browser"))
            raise AssertionError(f"{what}\n--- page\n{page}\n--- console\n{console}\n--- server\n{self.server.log_text()}") from problem

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def wait_for_text(self, selector, text):
        """Waits until an element says exactly this, and gives it."""

        def found():
            # The page may exchange its content in between, so it is asked in one step.
            return self.browser.execute_script(
                "return [...document.querySelectorAll(arguments[0])].find(e => e.textContent.trim() === arguments[1])",
                selector,
                text,
            )

        return self.wait_for(found, f"no {selector} says {text!r}")

    def open(self):
        self.browser.get(self.outputs["SiteUrl"] + "/")

    def fill(self, **fields):
        for name, text in fields.items():
            field = self.wait_for(lambda name=name: self.all(f"form [name={name}]"), f"no field {name}")[0]
            field.clear()
            field.send_keys(text)


def deploy(server, folder):
    """Deploys and gives the outputs that were printed."""
    command = [cumulet.BINARY, "deploy", "--endpoint", server.endpoint, "--data-dir", server.data]
    done = subprocess.run(
        command, cwd=folder, env=server.environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n--- server\n{server.log_text()}"
    _, printed = done.stdout.split("Outputs\n")
    return dict(line.split(maxsplit=1) for line in printed.splitlines() if line.strip())


@pytest.fixture
def blog(own_server, browser, tmp_path):
    folder = tmp_path / "blog"
    shutil.copytree(BLOG, folder)
    return Blog(own_server, browser, deploy(own_server, folder))


def read_everything(blog):
    """From the front page to the post and its comment, as they were written."""
    blog.open()
    blog.wait_for_text(".posts h2 a", TITLE).click()
    blog.wait_for_text(".post h1", TITLE)
    blog.wait_for_text(".post .prose p", PARAGRAPH)
    blog.wait_for_text(".post .prose blockquote", "a second one, quoted")
    blog.wait_for_text(".comments .prose p", COMMENT)
    assert blog.browser.title == f"{TITLE} – The Cumulet blog"
    assert not blog.all("main script, main img, main b")


def test_what_was_written_is_read_after_a_reload_and_after_kill_9(blog):
    blog.open()
    blog.wait_for_text(".empty", "Nothing has been written yet. Write the first post.")

    blog.wait_for_text("nav a", "Write").click()
    blog.fill(title=TITLE, author="Reader 1", body=f"{PARAGRAPH}\n\n> a second one, quoted")
    blog.wait_for_text("form button", "Publish").click()
    blog.wait_for_text(".post h1", TITLE)
    blog.wait_for_text(".discussion .empty", "No comments yet.")

    blog.fill(author="Reader 2", text=COMMENT)
    blog.wait_for_text("form button", "Comment").click()
    blog.wait_for_text(".comments .prose p", COMMENT)

    blog.browser.refresh()
    blog.wait_for_text(".comments .prose p", COMMENT)
    blog.wait_for_text(".comments .author", "Reader 2")
    read_everything(blog)

    blog.server.kill()
    blog.server.start()
    read_everything(blog)


def test_a_refusal_and_an_unknown_address_are_explained(blog):
    blog.open()
    blog.wait_for_text("nav a", "Write").click()
    # More than the form allows, which a client without the form may send as well.
    blog.wait_for(lambda: blog.all("form [name=title]"), "no form")
    blog.browser.execute_script("document.querySelector('form [name=title]').removeAttribute('maxlength')")
    blog.fill(title="t" * 121, author="Reader", body="text")
    blog.wait_for_text("form button", "Publish").click()
    blog.wait_for_text("form .problem", "The title is longer than 120 characters.")

    blog.browser.get(blog.outputs["SiteUrl"] + "/#/posts/none")
    blog.wait_for_text(".message", "There is no such post.")

    blog.browser.get(blog.outputs["SiteUrl"] + "/no/such/page.html")
    blog.wait_for_text("h1", "There is no such page")


def test_the_seed_fills_an_empty_blog_once(blog):
    def seed():
        return subprocess.run(
            [BLOG / "seed", blog.outputs["ApiUrl"]], capture_output=True, text=True, timeout=300, check=True
        ).stdout

    titles = [file.read_text().split("\n")[0].removeprefix("# ") for file in sorted((BLOG / "posts").glob("*.md"))]
    assert seed().count("posted:") == len(titles)
    assert seed() == "The blog has posts already.\n"
    blog.open()
    for title in titles:
        blog.wait_for_text(".posts h2 a", title)
    assert len(blog.all(".posts > li")) == len(titles)
