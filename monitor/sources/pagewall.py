"""Pages that stand before the page that was asked for: proofs of being human, refusals."""

from __future__ import annotations

import re

from monitor.sources.pagetree import Page, squeeze

_LONGEST = 1_200
_MOST_LINKS = 20
_WALL = re.compile(
    r"captcha|verif(?:y|ying) (?:that )?you(?: are|'re)? (?:a )?human|are you a robot|not a robot"
    r"|unusual traffic|access (?:to this page )?(?:has been |is )?denied|just a moment"
    r"|checking (?:if the site|your browser)|security (?:check|verification)|too many requests"
    r"|人机验证|安全验证|安全检查|滑动验证|拖动.{0,6}滑块|请输入.{0,6}验证码|访问.{0,4}(?:过于)?频繁|异常访问|访问受限",
    re.IGNORECASE,
)


def wall_of(page: Page) -> str:
    """What an anti-bot page says, in its own words; empty for any other page."""
    text = squeeze(page.text)
    if len(text) > _LONGEST or len(page.tree.css("a[href]")) > _MOST_LINKS:
        return ""
    found = _WALL.search(f"{page.title} {text}")
    return found[0] if found else ""
