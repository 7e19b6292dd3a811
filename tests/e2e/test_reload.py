"""SIGHUP: the settings file is read again while the work goes on; a bad one changes nothing."""

from __future__ import annotations

import signal

from tests.e2e.conftest import SECRET, World
from tests.e2e.process import until
from tests.e2e.receivers import Hooks
from tests.httpserver import HttpServer


def test_a_new_channel_and_a_new_address_take_effect_and_nothing_comes_twice(
    world: World,
) -> None:
    world.add(world.portal.add("/a", "chip 0"))
    world.rule("chip", "hook", "second")
    daemon = world.start()
    daemon.ready()
    assert "alerts by channel 'second', which the settings do not name" in daemon.text()
    world.wait_for_baselines(1)
    world.portal.publish("/a", "chip 1")
    until(lambda: world.hooks.ids, 60, "the first webhook")
    with HttpServer() as other:
        second = Hooks(other, SECRET)
        addresses = [*world.own_addresses, f"127.0.0.1:{other.port}"]
        world.write_settings(
            **{
                "polling": {"allow_private": addresses},
                "channels.second": {"kind": "webhook", "url": second.url, "secrets": [SECRET]},
            }
        )
        daemon.signal(signal.SIGHUP)
        daemon.hear("settings reloaded")
        # What the channel has owed since before it was known arrives as well.
        until(lambda: second.ids, 60, "the message that waited")
        world.portal.publish("/a", "chip 2")
        until(lambda: world.all_settled(4), 60, "everything")
        assert world.hooks.by_title == second.by_title == {"chip 1": 1, "chip 2": 1}
        assert world.hooks.repeated == second.repeated == 0
    daemon.end()


def test_an_invalid_file_is_refused_with_its_errors_and_the_old_settings_stay(
    world: World,
) -> None:
    world.add(world.portal.add("/a", "chip 0"))
    world.rule("chip", "hook")
    daemon = world.start()
    daemon.ready()
    world.wait_for_baselines(1)
    good = world.settings.read_text(encoding="utf-8")
    bad_files = {
        good + "\n[poling]\nconcurrency = 1": "polling",
        good.replace('kind = "webhook"', 'kind = "webhok"'): "webhok",
        good.replace(SECRET, "whsec_short"): "a secret",
        good + "\n[": "at end of document",
    }
    for text, expected in bad_files.items():
        refused = daemon.text().count("settings refused")
        world.settings.write_text(text, encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        until(
            lambda refused=refused: daemon.text().count("settings refused") > refused,
            10,
            f"refused: {expected}",
        )
        assert expected in [line for line in daemon.text().splitlines() if "refused" in line][-1]
    world.settings.unlink()
    daemon.signal(signal.SIGHUP)
    daemon.hear("no such file")
    assert not daemon.said("settings reloaded")
    world.portal.publish("/a", "chip 1")
    until(lambda: world.all_settled(1), 60, "the old settings still work")
    daemon.end()


def test_a_log_level_takes_effect(world: World) -> None:
    world.add(world.portal.add("/a", "chip 0"))
    daemon = world.start()
    daemon.ready()
    daemon.hear("polled")
    world.write_settings(log={"level": "error"})
    daemon.signal(signal.SIGHUP)
    # The old level's last word; from then on polls are not told.
    until(lambda: daemon.notify.heard("STATUS=working"), 60, "reloaded")
    told, asked = daemon.text().count("polled"), world.portal.asked("/a")
    until(lambda: world.portal.asked("/a") > asked + 2, 60, "more polls")
    assert daemon.text().count("polled") == told
    daemon.end()


def test_many_reloads_under_load_lose_and_repeat_nothing(world: World) -> None:
    world.portal.reveals = 1
    titles = [f"chip {at}" for at in range(30)]
    world.add(world.portal.add("/a", *titles, shown=0), history=True)
    world.rule("chip", "hook")
    world.hooks.delay_s = 0.05
    daemon = world.start()
    daemon.ready()
    for number in range(1, 6):
        daemon.signal(signal.SIGHUP)
        until(
            lambda number=number: daemon.text().count("settings reloaded") >= number, 60, "reloaded"
        )
    world.portal.reveals = 30
    until(lambda: world.all_settled(30), 60, "everything")
    assert sorted(world.stored) == sorted(titles)
    assert world.hooks.by_title == dict.fromkeys(titles, 1)
    assert world.hooks.repeated == 0
    daemon.end()
