"""U1 to U3: URLs and local files."""

from __future__ import annotations

from datetime import timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from regstore.driver import StorageDriver
from regstore.errors import PathNotFoundError
from regstore.testing.material import content
from regstore.testing.suite.base import DriverSuite

SECONDS = 30


def fetch(url: str, method: str = "GET") -> tuple[bytes, str | None]:
    """Return the body that *url* gives and its Content-Disposition."""
    request = Request(url, method=method)  # noqa: S310 - the driver's own answer
    with urlopen(request, timeout=SECONDS) as response:  # noqa: S310
        return response.read(), response.headers.get("Content-Disposition")


class HandingOutTests(DriverSuite):
    """U1 to U3."""

    def _url(self, driver: StorageDriver, **asked: object) -> str:
        url = self.run(driver.redirect_url(self.at("f"), **asked))  # type: ignore[arg-type] # as given
        assert url is not None, "redirect is claimed, but there is no URL"
        return url

    def test_u1_urls_are_given_where_claimed(self, driver: StorageDriver) -> None:
        data = content(5000)
        self.run(driver.put_content(self.at("f"), data))
        if not driver.capabilities.redirect:
            assert self.run(driver.redirect_url(self.at("f"))) is None
            assert self.run(driver.redirect_url(self.at("missing"), "HEAD")) is None
            return
        assert fetch(self._url(driver))[0] == data
        head = self.run(driver.redirect_url(self.at("f"), "HEAD"))
        assert head is None or fetch(head, "HEAD")[0] == b""
        _, disposition = fetch(self._url(driver, filename="layer.tar"))
        assert disposition is not None
        assert "layer.tar" in disposition

    def test_u2_urls_grant_nothing_else(self, driver: StorageDriver) -> None:
        if not driver.capabilities.redirect:
            self.not_claimed("redirect")
        self.put("f")
        head = self.run(driver.redirect_url(self.at("f"), "HEAD"))  # None: no URL for that alone
        url_of = self._url(driver)
        forbidden = [(url_of, "DELETE"), (url_of, "PUT")]
        if head is not None:
            forbidden += [(head, "GET"), (head, "PUT")]
        for url, method in forbidden:
            with pytest.raises(HTTPError) as caught:
                fetch(url, method)
            caught.value.close()
        self.expect(self.at("f"), b"f")

    def test_u2_urls_expire(self, driver: StorageDriver) -> None:
        if not driver.capabilities.redirect:
            self.not_claimed("redirect")
        self.put("f")
        url = self._url(driver, expires=timedelta(seconds=1))
        self.run(driver.runtime.sleep(3))
        with pytest.raises(HTTPError) as caught:
            fetch(url)
        caught.value.close()

    @pytest.mark.parametrize("size", [0, 5000])
    def test_u3_local_files_hold_the_object(self, driver: StorageDriver, size: int) -> None:
        self.run(driver.put_content(self.at("f"), content(size)))
        file = self.run(driver.local_file(self.at("f")))
        if file is None:
            pytest.skip("this store has no local files")
        assert file.read_bytes() == content(size)

    @pytest.mark.parametrize("name", ["missing", "directory"])
    def test_u3_only_objects_have_local_files(self, driver: StorageDriver, name: str) -> None:
        self.put("directory/x")
        try:
            assert self.run(driver.local_file(self.at(name))) is None
        except PathNotFoundError:
            return
