"""Documents made to cost more than they are worth."""

from __future__ import annotations

from collections.abc import Callable


def _rss(item: str, prolog: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{prolog}<rss version="2.0"><channel><title>t</title>'
        f"<item>{item}</item></channel></rss>"
    ).encode()


def billion_laughs() -> bytes:
    lines = ['<!ENTITY a0 "ha">'] + [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)]
    return _rss("<title>&a9;</title>", f"<!DOCTYPE r [{''.join(lines)}]>")


def quadratic() -> bytes:
    prolog = f'<!DOCTYPE r [<!ENTITY a "{"x" * 50_000}">]>'
    return _rss(f"<title>{'&a;' * 50_000}</title>", prolog)


def external_file() -> bytes:
    prolog = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    return _rss("<title>&x;</title>", prolog)


def external_address() -> bytes:
    prolog = '<!DOCTYPE r [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>'
    return _rss("<title>&x;</title>", prolog)


def external_dtd() -> bytes:
    return _rss("<title>ok</title>", '<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/rss.dtd">')


def parameter_entity() -> bytes:
    prolog = '<!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>'
    return _rss("<title>ok</title>", prolog)


def brackets() -> bytes:
    return b"<rss><channel>" + b"<" * 1_000_000


def ampersands() -> bytes:
    return _rss("<title>" + "&" * 1_000_000 + "</title>")


def nested_tags() -> bytes:
    return _rss("<title>t</title><description>" + "<b>" * 20_000 + "</description>")


def nested_well() -> bytes:
    return _rss("<title>t</title><x>" + "<b>" * 100_000 + "</b>" * 100_000 + "</x>")


def many_items() -> bytes:
    items = "".join(f"<item><title>n{n}</title></item>" for n in range(20_000))
    return f"<rss><channel>{items}</channel></rss>".encode()


def many_attributes() -> bytes:
    return _rss("<title " + " ".join(f'a{n}="{n}"' for n in range(200_000)) + ">t</title>")


def unclosed_comments() -> bytes:
    return b"<rss><channel>" + b"<!-- " * 200_000


def unclosed_cdata() -> bytes:
    return b"<rss><channel><item><title>" + b"<![CDATA[" * 100_000


def long_title() -> bytes:
    return _rss("<title>" + "标" * 1_000_000 + "</title>")


def json_depth() -> bytes:
    return b'{"items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def json_huge_exponent() -> bytes:
    return b'{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1e400,"title":"t"}]}'


def json_million_digits() -> bytes:
    return b'{"items":[{"title":"t","id":' + b"9" * 1_000_000 + b"}]}"


def json_nan() -> bytes:
    return b'{"items":[{"title":"t","id":NaN}]}'


def json_duplicate_keys() -> bytes:
    return b'{"items":[{"title":"first","title":"second"}]}'


def json_many_items() -> bytes:
    return b'{"items":[' + b",".join(b'{"title":"t%d"}' % n for n in range(20_000)) + b"]}"


BOMBS: dict[str, Callable[[], bytes]] = {
    bomb.__name__: bomb
    for bomb in (
        billion_laughs,
        quadratic,
        external_file,
        external_address,
        external_dtd,
        parameter_entity,
        brackets,
        ampersands,
        nested_tags,
        nested_well,
        many_items,
        many_attributes,
        unclosed_comments,
        unclosed_cdata,
        long_title,
        json_depth,
        json_huge_exponent,
        json_million_digits,
        json_nan,
        json_duplicate_keys,
        json_many_items,
    )
}
