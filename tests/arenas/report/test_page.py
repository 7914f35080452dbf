"""Rules of the page: it loads nothing, runs nothing of a player's, and shows what is there and no more."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sparring.arenas.report.page import Chart, Entrant, Page, Progress, Replay, ReportError, Series
from sparring.arenas.report.render import html, write
from sparring.arenas.results import Cell, Estimate, Forgetting, Warning
from sparring.envs.types import Episode

HOSTILE = (
    "</pre><script>document.title='pwned'</script><img src=x onerror=alert(1)>"
    "\x1b[31m\x07\u202e\ud800&amp;"
)


class Elements(HTMLParser):
    """Every start tag with its attributes, all text, and the bodies of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.bodies: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag in self.bodies:
            self.bodies[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.bodies:
            self.bodies[self._inside][-1] += data
        else:
            self.text += data

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.tags if "id" in attrs]


@pytest.fixture(scope="module")
def text(page: Page) -> str:
    return html(page)


def test_nothing_is_loaded_from_anywhere(text: str) -> None:
    for tag, attrs in Elements(text).tags:
        assert tag not in {"link", "iframe", "img", "object", "embed", "base"}
        for name in ("src", "href", "data", "action", "srcset", "xlink:href"):
            assert (attrs.get(name) or "#").startswith("#"), (tag, attrs)
    assert not re.search(r"https?://|//cdn|@import|url\((?!#)", text)


def test_the_policy_allows_only_our_own_style_and_script(text: str) -> None:
    found = Elements(text)
    policy = next(a["content"] for t, a in found.tags if t == "meta" and "http-equiv" in a) or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    style, script = found.bodies["style"][0], found.bodies["script"][-1]
    for body in (style, script):
        assert (
            f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'"
            in policy
        )
    assert "innerHTML" not in script
    assert not [
        attrs
        for _, attrs in found.tags
        if "style" in attrs or any(n.startswith("on") for n in attrs)
    ]


def test_hostile_words_anywhere_are_shown_as_text(
    page: Page, playing: Callable[..., Episode]
) -> None:
    game = Replay(HOSTILE, playing(1, HOSTILE, "b", says=HOSTILE))
    ids = [standing.entrant for standing in page.board.standings] if page.board else []
    worst = replace(
        page,
        title=HOSTILE,
        facts=((HOSTILE, HOSTILE),),
        entrants=tuple(Entrant(id, f"{HOSTILE}{i}", HOSTILE) for i, id in enumerate(ids)),
        replays={(ids[0], ids[1]): (game,)},
        transcripts=((HOSTILE, HOSTILE),),
        command=HOSTILE,
    )
    shown = html(worst)
    shown.encode("utf-8")
    found, plain = Elements(shown), Elements(html(page))
    assert {tag for tag, _ in found.tags} == {tag for tag, _ in plain.tags}
    assert len(found.bodies["script"]) == 2
    assert (
        "<script>document.title='pwned'</script><img src=x onerror=alert(1)>⟨ESC⟩[31m⟨BEL⟩⟨U+202E⟩"
        in found.text
    )
    assert "\x1b" not in shown


def test_every_link_has_its_target_and_every_id_is_one(text: str) -> None:
    found = Elements(text)
    assert len(found.ids) == len(set(found.ids))
    links = {(attrs["href"] or "")[1:] for tag, attrs in found.tags if tag == "a"}
    assert links <= set(found.ids)
    assert {"entrant-0", "cell-0-1", "game-0"} <= links


def test_what_has_no_data_has_no_section() -> None:
    found = Elements(html(Page("empty")))
    assert [attrs["id"] for tag, attrs in found.tags if tag == "section"] == []
    assert not [tag for tag, _ in found.tags if tag in {"figure", "table", "svg", "nav", "dialog"}]


def test_a_page_with_everything_has_every_section(text: str) -> None:
    wanted = [
        "progress",
        "leaderboard",
        "crosstable",
        "metagame",
        "roles",
        "lineage",
        "gates",
        "training",
        "games",
    ]
    assert [a["id"] for t, a in Elements(text).tags if t == "section"] == wanted


def test_a_curve_that_is_one_point_or_not_finite_is_drawn() -> None:
    nan = float("nan")
    lines = (
        Series("a", ((0.0, 0.9),)),
        Series("b", ((0.0, nan), (1.0, float("inf")))),
        Series("c", ()),
    )
    shown = html(
        Page(
            "odd",
            progress=Progress(Chart("NashConv", "games", lines)),
            training=(Chart("none", "step", ()),),
        )
    )
    drawn = shown[shown.index("<svg") : shown.rindex("</svg>")]
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert "a 0.900" in Elements(shown).text


def test_a_replay_shows_prompt_thought_move_credit_verdict_and_payoff(
    page: Page, judged: Episode
) -> None:
    told = Elements(
        html(replace(page, replays={("nash", "random"): (Replay("judged", judged),)}))
    ).text
    for words in (
        "My card is",
        "format +0.10",
        "error · 1 of 2 inputs ran · 0.25 s · boom",
        "(1, 'two')",
        "Traceback",
        "printed",
        "solve rate: 0.5",
        "1 verdict by docker",
        f"first {judged.payoff['first']:+.2f}".replace("-", "−"),
    ):
        assert words in told, words


def test_the_budget_bounds_the_replays_and_the_page_says_so(page: Page) -> None:
    assert "replays were left out" not in html(page)
    small = html(page, budget=2_000)
    assert re.search(r"\d+ replays were left out", small)
    assert small.count('<details class="game"') < html(page).count('<details class="game"')


def test_forfeits_are_read_first(page: Page, playing: Callable[..., Episode]) -> None:
    lost = Replay("the forfeit", playing(9, "nash", "step-6000", says="nonsense"))
    key = ("step-6000", "nash")
    held = {**page.replays, key: (*page.replays.get(key, ()), lost)}
    shown = html(replace(page, replays=held))
    dialog = shown[shown.index('<dialog id="cell-0-1"') :]
    assert "the forfeit" in dialog[: dialog.index("</details>")]
    assert "forfeit by first (" in dialog


def test_the_numbers_are_in_the_page_as_data(page: Page, text: str) -> None:
    numbers = json.loads(Elements(text).bodies["script"][0])
    assert numbers["leaderboard"][0]["entrant"] == "nash"
    assert numbers["leaderboard"][0]["rating"][0] == pytest.approx(0.062)
    assert len(numbers["cells"]) == len(page.cells)
    assert numbers["charts"][0]["series"][0]["name"] == "last iterate"


def test_a_page_is_written_whole_or_not_at_all(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(page, tmp_path / "report.html")
    before = path.read_text(encoding="utf-8")
    assert before.endswith("</html>")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ReportError, match=r"report\.html cannot be written: No space"):
        write(replace(page, title="other"), path)
    assert path.read_text(encoding="utf-8") == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_the_same_values_give_the_same_bytes(page: Page, text: str) -> None:
    assert html(page) == text


def cell(a: str, b: str, value: float) -> Cell:
    lead = a if value > 0 else b
    return Cell(a, b, Estimate(value, 0.01, value - 0.02, value + 0.02), 100, lead=lead)


def test_a_resolved_ancestor_over_its_descendant_raises_the_alarm(page: Page) -> None:
    assert page.board
    lost = Forgetting("step-400", "step-6000", Estimate(0.1, 0.02, 0.06, 0.14), 2, 0.06)
    told = Elements(html(replace(page, board=replace(page.board, forgetting=(lost,))))).text
    assert "Forgetting alarm. step-6000 loses to its ancestor step-400." in told
    assert "Forgetting alarm" not in Elements(html(page)).text


def test_a_cycle_is_named_in_plain_words(page: Page) -> None:
    cells = (
        cell("nash", "random", 0.1),
        cell("random", "step-0", 0.1),
        cell("step-0", "nash", 0.1),
    )
    told = Elements(html(replace(page, cells=cells))).text
    assert "nash, random, step-0 beat each other in a circle" in told
    assert "Cycle." not in Elements(html(page)).text


def test_what_the_fit_warns_of_collapse_and_a_failed_control_are_said(page: Page) -> None:
    assert page.board
    curve = Chart("NashConv", "games", (Series("last iterate", ((0, 0.9), (1, 0.02), (2, 0.47))),))
    legal = Chart("Legal mass", "games", (Series("least", ((0, 1.0), (2, 0.58))),))
    worst = replace(
        page,
        board=replace(
            page.board, warnings=(Warning("pools", "separate pools never met: id-1; id-12"),)
        ),
        entrants=(*page.entrants, Entrant("id-1", "alice"), Entrant("id-12", "bob")),
        progress=Progress(curve, legal),
        control=("nash", "step-400"),
        statuses={"void_engine": 3},
        reasons={"void_engine": "CUDA error: out of memory"},
    )
    told = Elements(html(worst)).text
    pools = "Separate pools never met: alice; bob."
    for words in (
        pools,
        "Late collapse",
        "Legal mass",
        "A/A control failed",
        "3 engine (mostly: CUDA error: out of memory)",
    ):
        assert words in told, words


def test_win_scores_are_shares_and_fill_in_the_other_direction(page: Page) -> None:
    score = Cell("nash", "random", Estimate(0.7, 0.02, 0.66, 0.74), 100, lead="nash")
    told = Elements(html(replace(page, cells=(score,), scored="win"))).text
    assert "70.0 %" in told
    assert "30.0 %" in told


def test_an_entrants_dialog_tells_its_rating_in_every_role_whole(page: Page) -> None:
    best = page.board.standings[0] if page.board else None
    assert best
    shown = " ".join(Elements(html(page)).text.split())
    for role, rating in best.roles.items():
        assert f"as {role}{rating.value:+.3f} ± {1.96 * rating.se:.3f}" in shown.replace("−", "-")


def test_a_rating_of_one_digit_is_shown(page: Page) -> None:
    board = page.board
    assert board
    level = Estimate(0.0, 0.2, -0.4, 0.4)
    flat = tuple(
        replace(s, rating=level, roles=dict.fromkeys(s.roles, level)) for s in board.standings
    )
    shown = Elements(html(replace(page, board=replace(board, standings=flat, unit="Elo")))).text
    assert "as first0 ± 0" in shown.replace("\n", "")


def test_the_page_says_what_the_game_is_and_what_nashconv_measures(text: str) -> None:
    told = Elements(text[: text.index('<main id="content">')]).text
    assert "kuhn-poker-v0: Three-card poker" in told
    assert "NashConv is what players who know the model’s policy could win" in told


def rising(page: Page) -> Page:
    """The page of a run that got worse."""
    curve = Chart("NashConv", "games", (Series("last iterate", ((0, 0.3), (1, 0.02), (2, 0.8))),))
    return replace(page, progress=Progress(curve))


def test_only_a_run_that_got_better_has_a_proof(page: Page, text: str) -> None:
    assert "<h2>Proof of progress</h2>" in text
    shown = html(rising(page))
    assert "Proof of progress" not in shown
    assert "<h2>Exploitability over training</h2>" in shown


def test_alarms_stand_before_the_proof_and_warnings_after_it(page: Page) -> None:
    shown = html(replace(rising(page), statuses={"void_engine": 3}))
    places = [shown.index(f'<section id="{id}"') for id in ("alarms", "progress", "notices")]
    assert places == sorted(places)
    assert shown.index("Late collapse") < places[1] < shown.index("Void games")


def test_a_run_in_progress_says_so_under_its_title(page: Page, text: str) -> None:
    shown = html(replace(page, state="in progress: step 60 of 1,000"))
    assert '<b class="state">in progress: step 60 of 1,000</b>' in shown
    assert 'class="state"' not in text


def test_a_phone_has_its_whole_width_for_a_picture(text: str) -> None:
    narrow = next(
        attrs
        for tag, attrs in Elements(text).tags
        if tag == "svg" and (attrs["class"] or "") == "chart narrow"
    )
    _, _, start, end = map(float, (narrow["data-x"] or "").split())
    assert (narrow["viewbox"] or "").split()[2] == "372"
    assert end - start > 300
