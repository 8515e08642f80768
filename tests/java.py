"""The Java that Spark's tests need: `python -m tests.java` installs it with apt-get when it may and it is missing."""

import shutil
import sys

from tests.chromium import install

PACKAGE = "openjdk-17-jre-headless"

if __name__ == "__main__" and shutil.which("java") is None and not install([PACKAGE]):
    sys.exit(f"Java is missing: install {PACKAGE}, or any Java from 17 on.")
