"""Rules of training on thoughts: what closed one is never trained, and dropped ones part samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sparring.envs.types import Ending, Episode, GameRef, Message, PolicyRef, Reply, Turn
from sparring.training.config import Credits, Watch
from sparring.training.data.batch import Row, pack
from sparring.training.data.collect import collect
from sparring.training.data.credit import credit
from sparring.training.data.samples import Sample
from sparring.training.watch.monitors import Watcher

CLOSED = Reply(
    "bet", "so", (5, 6, 7, 8, 9), (-1.0, -1.0, 0.0, 0.0, -1.0), "stop", (1, 2), given=(2, 4)
)


def samples(*replies: Reply) -> Sequence[Sample]:
    turns = tuple(Turn("a", "a", (Message("game", "J"),), reply) for reply in replies)
    seats = {"a": PolicyRef("learner", "x")}
    episode = Episode(GameRef("g-v0"), 0, 0, seats, turns, {"a": 1.0}, Ending("outcome"))
    return collect([(0, episode)], Credits(), learner="learner", role_of={"a": "a"})


def rows(found: Sequence[Sample]) -> list[Row]:
    credited, _ = credit(found, {}, Credits(estimator="none"))
    return [Row(each.sample, each.advantages) for each in credited]


def test_tokens_that_closed_a_thought_are_not_trained() -> None:
    (sample,) = samples(CLOSED)
    assert sample.sampled == (False, False, True, True, False, False, True)
    assert sample.spans[0].trained == 3


def test_the_result_of_a_tool_is_read_and_never_trained() -> None:
    call = Reply("<python>", "", (5, 6), (-1.0, -1.0), "stop", (1, 2))
    # 7 8 9 are the result that the seat was shown
    answer = Reply("42", "", (4, 3), (-1.0, -1.0), "stop", (1, 2, 5, 6, 7, 8, 9))
    (sample,) = samples(call, answer)
    assert sample.sampled == (False, False, True, True, False, False, False, True, True)
    batch = pack(rows([sample]), pad=0, loss="dr_grpo")
    assert batch.tensors["tool_mask"][0].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]


def test_the_loss_sees_neither_them_nor_their_number() -> None:
    batch = pack(rows(samples(CLOSED)), pad=0, loss="dr_grpo")
    assert batch.tensors["tool_mask"][0].tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]
    assert int(batch.tensors["num_items_in_batch"]) == 3


def test_equal_tokens_that_were_all_sampled_are_another_row() -> None:
    drawn = replace(CLOSED, given=None)
    both = rows([*samples(CLOSED), *samples(drawn)])
    assert len(pack(both, pad=0, loss="dr_grpo").tensors["tool_mask"]) == 2


def test_a_turn_after_a_dropped_thought_is_a_sample_of_its_own() -> None:
    later = replace(CLOSED, prompt_tokens=(1, 2, 9, 3))
    assert len(samples(CLOSED, later)) == 2


def test_a_turn_after_a_kept_thought_goes_on_in_the_same_sample() -> None:
    later = replace(CLOSED, prompt_tokens=(1, 2, 5, 6, 7, 8, 9, 3))
    (sample,) = samples(CLOSED, later)
    assert [span.given for span in sample.spans] == [(4, 6), (10, 12)]


def test_thoughts_that_shrink_to_nothing_alarm_once() -> None:
    watcher = Watcher(Watch())
    lengths = (100, 90, 15, 10)
    found = [watcher.look({"step": n, "thought_characters/a": x}) for n, x in enumerate(lengths)]
    assert [[alarm.name for alarm in alarms] for alarms in found] == [[], [], ["thought/a"], []]


def test_thoughts_that_are_mostly_empty_alarm_though_the_others_are_long() -> None:
    watcher = Watcher(Watch())
    found = [
        watcher.look({"step": step, "thought_characters/a": 9, "thought_empty/a": share})
        for step, share in enumerate((0.0, 0.5, 0.63))
    ]
    assert [[alarm.text for alarm in alarms] for alarms in found] == [
        [],
        [],
        ["63.0% of a's thoughts were empty (limit 0.5)"],
    ]


def test_a_watcher_knows_the_longest_thoughts_after_a_resume() -> None:
    first, second = Watcher(Watch()), Watcher(Watch())
    first.look({"step": 1, "thought_characters/a": 100})
    second.restore(first.state())
    assert [alarm.text for alarm in second.look({"step": 2, "thought_characters/a": 5})] == [
        "a's thoughts shrank from 100 characters to 5 (limit 20)"
    ]
