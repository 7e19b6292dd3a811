"""Where fuzzing starts: small documents of our own, and the words that their formats know."""

from __future__ import annotations

_ENDLESS = b"1" * 4_400  # more digits than Python reads as a number

FEEDS = (
    (
        b"<rss version='2.0'><channel><title>t</title><ttl>9</ttl><item><title>a &amp; b</title>"
        b"<link>/1</link><guid isPermaLink='false'>g</guid><pubDate>Fri, 02 Jan 2026 03:04:05 GMT"
        b"</pubDate><category>c</category><description><![CDATA[<p>x</p>]]></description></item>"
        b"</channel></rss>"
    ),
    (
        b"<?xml version='1.0' encoding='gbk'?><feed xmlns='http://www.w3.org/2005/Atom'><entry>"
        b"<title type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>a<b>c</b></div></title>"
        b"<link rel='alternate' href='x'/><id>u</id><updated>2026-01-02T03:04:05+08:00</updated>"
        b"<author><name>n</name></author></entry></feed>"
    ),
    (
        b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' "
        b"xmlns='http://purl.org/rss/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/'>"
        b"<item rdf:about='y'><title>a</title><dc:date>2026-01-02</dc:date></item></rdf:RDF>"
    ),
    b"<rss><channel><item><title>a & b &nbsp; &#x0; <br></title><link>http://a.example/?a&b",
    b"<rss><channel><item><title>a</title><link>http://].example/</link></item></channel></rss>",
    b"<!DOCTYPE r [<!ENTITY e 'v'>]><rss><channel><item><title>&e;</title></item></channel></rss>",
    b'{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1,"title":"a","url":"/b"}]}',
    b"<rss><channel><item><title>a &#" + _ENDLESS + b"; b</title></item></channel></rss>",
    b"<rss><channel><skipHours><hour>" + _ENDLESS + b"</hour></skipHours></channel></rss>",
)
FEED_WORDS = (
    b"<rss", b"<channel>", b"<item>", b"</item>", b"<title>", b"</title>", b"<link>", b"<feed",
    b"<entry>", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<!DOCTYPE", b"<!ENTITY", b"&#", b"&amp;",
    b"&nbsp;", b"xmlns", b"xml:base=", b"encoding=", b"<?xml", b"?>", b"type='html'", b"<pubDate>",
    b"<guid>", b"<dc:date>", b"<content:encoded>", b"<media:title>", b"<enclosure", b"<ttl>",
    b"<skipHours>", b"<source url=", b"<category>", b"href=",
)  # fmt: skip

_STORY = "北京今日新闻标题".encode()
CHARSETS = (
    b"utf-8\n" + _STORY,
    b"gbk\n" + "国足今晚对阵日本".encode("gb18030"),
    b"gb2312\n<?xml version='1.0' encoding='big5'?>" + "台北股市".encode("big5"),
    b"shift_jis\n" + "東京の天気".encode("cp932"),
    b"\n\xff\xfe" + "<a>".encode("utf-16-le"),
    b"\n<\0a\0>\0",
    b"iso-2022-jp\n\x1b$B%F%9%H\x1b(B",
    b"hz-gb-2312\n~{VPNO~}",
    b"utf-7\n+ZeVnLIqe-",
    b"utf-7\n+2AA-abc",
    b"iso-2022-jp\n\x1b$(punycode",
    b"unicode_escape\n\\ud800 caf\xe9",
    b"windows-1251\n" + "Новости дня".encode("cp1251"),
    b"latin-1\ncaf\xe9 \x80",
)
CHARSET_WORDS = (
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"utf-16", b"hz",
    b"utf-7", b"iso-2022-kr", b"euc-jp", b"koi8-r", b"idna", b"punycode", b"rot13", b"undefined",
    b"unicode_escape", b"raw_unicode_escape", b"mbcs", b"utf-8-sig", b"cp037", b"x-mac-japanese",
    b"<?xml encoding='", b"\x1b$B", b"\x1b(B", b"~{", b"~}",
)  # fmt: skip

DATES = (
    b"Fri, 02 Jan 2026 03:04:05 GMT",
    b"2 January 26 3:04 pm EST",
    b"2026-01-02T03:04:05.678+08:00",
    b"20260102T030405Z",
    b"Jan 2nd, 2026 at 3:04 AM PST",
    b"Fri Jan  2 03:04:05 2026",
    b"1767323045",
    b"1767323045678",
    "2026年1月2日 下午3时4分5秒".encode(),
    "2026年1月2日（星期五）15:04".encode(),
    b"2026/1/2 15:4",
)
DATE_WORDS = (
    b"GMT", b"UTC", b"+0800", b"-99:99", b"T24:00:00", b"60", b"29 Feb", b"Feb 30", b"am", b"pm",
    b"0000", b"9999", b"1989-12-31", b"2100-01-01", "年".encode(), "月".encode(), "日".encode(),
    "下午".encode(), "时".encode(), b"at ", b"nan", b"inf", b"1e13", "٣".encode(), "²".encode(),
)  # fmt: skip

PAGE_URLS = (
    "https://news.163.com/",
    "https://www.163.com/news/article/J0000000000189FH.html",
    "https://news.sina.com.cn/",
    "https://www.sohu.com/",
    "https://tieba.baidu.com/f?kw=a",
    "https://www.toutiao.com/",
)
_LIST = (
    b"<html><head><title>t</title><base href='/x/'></head><body><nav><a href='/'>home</a></nav>"
    b"<ul><li><a href='/2026/01/02/a-first-story-of-the-day.html'>A first story of the day</a> 9:20"
    b"</li><li><a href='/2026/01/02/another-story-of-this-day.html'>Another story of this day</a>"
    b"</li><li><a href='/2026/01/02/a-third-story-of-today.html'>The third story of today</a></li>"
    b"</ul><script>x</script><!-- <a href='y'>z</a> --></body></html>"
)
_PORTAL = (
    "<!DOCTYPE html><meta charset=utf-8><div class='mod_top_news2'><h2><a href='https://www.163.com"
    "/news/article/J000000000018AAA.html'>一条足够长的新闻标题在此</a></h2></div><div "
    "class='mt35 mod_hot_rank'><ul><li><em>1</em><a href='https://www.163.com/dy/article/"
    "J000000000018BBB.html'>又一条足够长的新闻标题</a><span>12万</span></li></ul></div>"
).encode()
_ARTICLE = (
    "<html><body><div class=post_crumb><a>网易首页</a>&gt;<a>正文</a></div><h1 class=post_title>"
    "一篇文章的题目在这里</h1><div class=post_info>2026-01-02 03:04:05 来源: <a>某报</a></div><div "
    "class=post_recommends><h3 class=post_recommends_title>热点推荐</h3><ul class=js-content><li>"
    "<a href='/dy/article/J000000000018CCC.html'>热点推荐的新闻标题</a></li></ul></div>"
).encode()
PAGES = (
    b"\0" + _LIST,
    b"\x07" + _LIST,
    b"\x08" + _LIST,
    b"\x01" + _PORTAL,
    b"\x02" + _ARTICLE,
    b"\x03" + _LIST,
    b"\x05<div id=app></div><script src=a.js></script><noscript>enable JavaScript</noscript>",
)
PAGE_WORDS = (
    b"<a href=", b"</a>", b"<ul>", b"<li>", b"<div>", b"</div>", b"<h1>", b"<table>", b"<tr><td>",
    b"<template>", b"<svg>", b"<math>", b"<noscript>", b"<iframe>", b"<frameset>", b"<base href=",
    b"<meta charset=", b"style='display:none'", b"hidden", b"<!--", b"-->", b"<script>",
    b"</script>", b"javascript:", b"data:", b"http://[", b"//", b"?", b"#", b"&nbsp;", b"&#0;",
    b"<plaintext>", b"<select>", b"<p>", b"class=", b"title='",
)  # fmt: skip

_FEED_JSON = (
    b'{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{"id":"1","title":"a",'
    b'"url":"/b","date_published":"2026-01-02T03:04:05Z","authors":[{"name":"n"}],"tags":["x"]}]}'
)
_LISTS = (
    b'{"data":{"realtime":[{"word":"a","num":12,"note":"b"}]}}',
    b'{"status":"success","items":[{"id":1,"title":"a","url":"/b","extra":{"info":"3.5\\u4e07"}}]}',
    b'{"code":200,"data":[{"title":"a","url":"/b","hot":9,"timestamp":1767323045678}]}',
    b'[{"title":"a","url":"https://a.example/b","hot":"1.2k"}]',
    b'{"hits":[{"title":"a","url":"/b","points":3,"objectID":"7","created_at_i":1767323045}]}',
    b'{"data":{"children":[{"data":{"title":"a","permalink":"/r/b","ups":1,"id":"x"}}]}}',
    b"[]",
)
JSON = (
    b"\0" + _FEED_JSON,
    b"\x01" + _FEED_JSON,
    *(bytes([0]) + each for each in _LISTS),
    *(bytes([2 + place]) + each for place, each in enumerate(_LISTS)),
    b'\0{"data":{"word_list":[{"word":"a b c","position":"00000199999999999"}]}}',
)
JSON_WORDS = (
    b'"items":[', b'"data":', b'"title":', b'"url":', b'"id":', b'"rank":', b'"hot":', b'"word":',
    b"null", b"true", b"1e999", b"-0", b"99999999999999999999", b"\\ud800", b"\\u0000", b'"list":',
    b'"version":', b"NaN", b"[[", b"{}", b"[]", b'"target":', b'"children":', b'"authors":',
    b'"date_published":', b'"content_html":', b'"realtime":', b'"band_list":', b'"topics":',
)  # fmt: skip
