"""Pages that only a browser can draw: the extra ``headline-monitor[browser]``.

``browser`` starts a process a page and takes the page as it stands when its scripts have drawn
it; ``draw`` is that process, which drives the system's Chromium through Playwright; ``gate`` is
the only way out that the browser is given, and judges every address that it asks for.
"""
