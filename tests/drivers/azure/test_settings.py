"""What URLs and storage options mean; nothing is connected."""

from __future__ import annotations

import pytest

from regstore._run import LoopRuntime
from regstore.drivers.azure import Settings, azure_store
from regstore.errors import ConfigurationError
from tests.azure_server import ACCOUNT, KEY, SAS, connection_string
from tests.drivers.azure.conftest import Run


@pytest.mark.parametrize(
    ("url", "options", "advice"),
    [
        ("az://", {"account_name": ACCOUNT}, "name a container"),
        ("az://container", {}, "name the account"),
        ("az://container?snapshot=1", {"account_name": ACCOUNT}, "no query"),
    ],
)
def test_what_cannot_be_connected_to_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, url: str, options: dict[str, object], advice: str
) -> None:
    for name in ("ACCOUNT_NAME", "CONNECTION_STRING"):
        monkeypatch.delenv(f"AZURE_STORAGE_{name}", raising=False)
    with pytest.raises(ConfigurationError, match=advice):
        azure_store(url, options, LoopRuntime())


def test_a_malformed_connection_string_is_refused_without_repeating_it(run: Run) -> None:
    store = azure_store("az://c", {"connection_string": "AccountKey"}, LoopRuntime())
    with pytest.raises(ConfigurationError, match="refuses its storage options"):
        run(store.head("f"))


@pytest.mark.parametrize(
    ("url", "container", "prefix", "account"),
    [
        ("abfs://box", "box", "", "given"),
        ("az://box/a/b/", "box", "a/b/", "given"),
        ("abfss://box@theirs.dfs.core.windows.net/a", "box", "a/", "given"),
        ("abfs://theirs.dfs.core.windows.net/box/a", "box", "a/", "given"),
    ],
)
def test_urls_name_a_container_and_a_prefix(
    url: str, container: str, prefix: str, account: str
) -> None:
    settings = Settings.parse(url, {"account_name": account})
    assert (settings.container, settings.prefix) == (container, prefix)


def test_a_url_may_name_the_account() -> None:
    url = "abfss://box@theirs.dfs.core.windows.net/a"
    settings = Settings.parse(url, {"account_key": KEY})
    assert settings.options["account_name"] == "theirs"


@pytest.mark.parametrize(
    ("options", "signs"),
    [
        ({"connection_string": connection_string("http://x/a")}, True),
        ({"connection_string": f"BlobEndpoint=http://x/a;SharedAccessSignature={SAS}"}, False),
        ({"account_name": "a", "account_key": KEY}, True),
        ({"account_name": "a", "sas_token": SAS}, False),
        ({"account_name": "a", "credential": SAS}, False),
        ({"account_name": "a", "anon": True}, False),
        ({"account_name": "a"}, True),
    ],
)
def test_redirects_hang_on_the_credentials(options: dict[str, object], signs: bool) -> None:
    store = azure_store("az://box", options, LoopRuntime())
    assert store.capabilities.redirect is signs
