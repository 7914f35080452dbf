"""Every failure, and who is to blame for it: the model in five steps, then all errors by room.

1. **Input that cannot be used** raises a `SparringError`. Its message is one line: what came, what
   was expected, what to do. The command line prints that line and ends with exit code 2. Each such
   error also derives from the standard class that it refines, so `except ValueError` works.
2. **A reply that is no move** is data. A parser raises a ValueError (`Unreadable`, `Illegal`,
   `Ambiguous`); `ask` tells the seat why and asks again. A reply that the engine cut off counts alike.
3. **A seat that fails in all its tries** forfeits. `ask` raises `Forfeit` inside the script, which may
   catch it. Else the episode ends as `forfeit`, pays the offender less than any loss, and is rated.
4. **A fault that is no player's** (an engine, a verifier, the game's own code) ends the episode as
   `error`. It pays nothing, is never rated or trained on, and `Ending.source` says whose it was.
   `Table.fail` is the only way there, and `Table.fault` keeps the exception.
5. **A bug of ours** is an assert or a bare exception. It is meant to show its traceback.

All classes, by who raises them (`*`: not a SparringError, because no user can mend its cause):

envs
    Unknown                a name that nothing has; says what is near. Parent of all Unknown…Error
    GameError              a declaration is wrong, or a file of games cannot be loaded (registry)
    UnknownGameError       no game has this id
    ParameterError         a game was given a parameter that it does not take, or out of bounds
    FileError              a file of questions or programs cannot be read: which line, and why (tasks/files)
    HookError              no function has this name, or what it gave is not what was asked for (hooks)
    MissingLibraryError    the library behind openspiel/, textarena/ or another namespace is not installed
    Unreadable*            a reply has no move in it (parse, values)
    Illegal*               a reply holds a move that the rules forbid; a value that is not plain
    Ambiguous*             a reply holds several moves
    Forfeit*               seats that failed to move legally in all their tries (script)
    TableError*            the driver answered what was not asked, or the script broke a declared fact
    NoVerifierError        a game runs code, and no verifier was given to a blocking caller
    TreeError              no tree can be walked, or a policy does not fit the tree (exact, equilibrium)
    ConformanceError       a game breaks rules of `check_game`; lists them all
agents
    UnknownPlayerError     no scripted player of the game has this name
    UnknownEntrantError    no player, model, run or checkpoint has this name (seats)
    RunFolderError         a file of a run is damaged
    UnknownThinkingError   no way to think has this name
    UnknownModelError      no model has this name
    PromptsError           a file of prompts cannot be read, or says something else (wording)
    UnknownPromptError     a file of prompts names what there is not
    ModelError             a model cannot be loaded
    DialectError           a tokenizer's chat template cannot write a conversation
    ConstraintError        choices were to bind a reply, and the policy or the request cannot do that
    ContextError           a prompt is longer than the model reads; ends its own game alone
    QuotaError*            a rate limit or a budget is used up; parent of BudgetError
    BudgetError            the money set aside for an endpoint is spent
    ExactError             the policy has no exact distribution over the choices
    UnansweredError        a scripted player has no answer to what it was asked
    Left                   the person at the terminal closed the input
    FormError*             an endpoint's answer is no chat completion (chat_api)
    Unanswered*            a request to an endpoint came to no whole answer (http)
    Gone*                  a vLLM server did not answer, or broke off (vllm_api)
    UnknownHere*           a vLLM server does not know the model or adapter (vllm_api)
    RemoteError            an endpoint refused, or did not answer in all its tries
    DriftError             an endpoint has put another model behind its name
    EngineError            an engine failed or cannot be opened; parent of the next two
    ServerDownError        no server answered in time
    HostError              no engine can be opened as asked
    Refused*               a request to a server of ours cannot be answered; becomes an HTTP error (serve)
    ServeError             a server cannot start: its port is taken, or open to others without a token
    RecordError            the file for a server's traffic cannot be written
sandbox
    VerifierError          the verifier itself cannot work; never a verdict on a job
    ConnectionLost*        a worker's connection broke; the pool runs its jobs again
arenas
    SeatingError           a match does not give every seat exactly one policy
    EntrantError           an entrant has no id, shares one, or cannot be loaded
    TournamentError        a tournament cannot be held as asked
    GateError              a gate's bounds, error rates or number of pairs cannot be
    ExamError              an exam cannot be held, or two exams cannot be compared
    MeetingError           two policies cannot be met exactly: the game, or somebody in it, does not let it
    LeagueError            the league does not know the player, or has no opponent for it
    RunError               a tournament's games keep failing; a training run cannot start or go on
    ClusterError           no Ray cluster can be joined or started
    StoreError             the results store cannot be used; parent of the next three
    StoreVersionError      another version wrote the file, or it is no store
    StoreFullError         the disk takes no more
    GameVersionError       the store holds games played by other rules under this name
    TranscriptError        a text is no transcript, or of an unknown form
    ResultsError           rows contradict each other or themselves
    LineageError           an entrant is its own ancestor
    FitError               a rating fit did not reach its tolerance
    ExportError            a game cannot be exported, or an exported environment is damaged (outside)
    ReportError            there is nothing to report on, or the page cannot be written
training
    ConfigError            a setting is unknown or out of range
    PlayerError            the process that plays ahead keeps dying, or cannot start (ahead)
    ShapeError             memory cannot be computed for a model of this shape
    UnknownShapeError      no model of this name has a shape that is known (memory)
    RankError              another of the processes that train together is gone (ranks)
    ExploitError           no exploiter can be trained against this policy, or none be measured
    ExperimentError        an experiment's file cannot be run, or its folder holds another one
    UnknownRecipeError     no recipe has this name
    CheckpointError        a checkpoint is missing, corrupt, or cannot be written
    EmptyStepError         no game of a step gave anything to train on
    NothingToLearnError    the objective takes none of a step's samples
    PushError              a checkpoint cannot be pushed, or a copy is not what was pushed
    SeatError              a person at a table asked for what cannot be done (sparring/web)
    StockError             a run has no stock, or one that is corrupt
    LineageError           the lineage of a population is damaged, or a member cannot be judged
    MixtureError           a pool of responses cannot be solved, or what was solved is damaged
    LostGamesError         so many games of a step broke off that the rest are biased
    NonFiniteError         a reward, advantage or gradient is not finite; no step was taken
sparring
    ArgumentError          a command-line argument cannot be used
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable

from .interrupts import heard
from .spelling import spelling


class SparringError(Exception):
    """Something came that cannot be used; the message says what came, what was expected, what to do.

    Each error of ours derives from this and from the standard class that it refines.
    """


class Unknown(SparringError, KeyError):
    """A name that nothing has: `Unknown("game", "nmi-v0", known)`, or a whole message alone.

    The message is `no KIND 'NAME'`, then `where`, the nearest of `known` as a question, and `more`.
    Without a near name it has `otherwise` in the question's place; by default that lists `known`.
    """

    def __init__(
        self,
        kind: str,
        name: str | None = None,
        known: Iterable[str] = (),
        *,
        where: str = "",
        otherwise: str | None = None,
        more: str = "",
    ) -> None:
        # a pickled error is made again from its args: the whole message, and no name
        if name is not None:
            kind = f"no {kind} {name!r}{where}{did_you_mean(name, known, otherwise)}{more}"
        super().__init__(kind)

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which is right for a key and wrong for a sentence.
        return str(self.args[0])


def near(name: str, known: Iterable[str]) -> list[str]:
    """At most three of `known` that look like the name or contain it, nearest first."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    # difflib rates a short name inside a long one low, so containment counts too
    close += [other for other in known if name and name in other and other not in close]
    return close[:3]


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """`; did you mean A or B?`, nearest first; where nothing is near, `otherwise` or all known."""
    known = list(known)
    if close := near(name, known):
        return f"; did you mean {' or '.join(close)}?"
    if otherwise is None:
        return f"; there are {', '.join(known)}" if known else ""
    return otherwise


def exit_code(program: str, run: Callable[[], int]) -> int:
    """What `run` returns. 2: something to fix, said in one line; 130: interrupted."""
    # A terminal that cannot show a − or an é gets the nearest in ASCII, never a traceback.
    for stream in (sys.stdout, sys.stderr):
        spelling(stream)
    heard()

    try:
        return run()
    except BrokenPipeError:
        # `| head` has read enough, which is no failure. With stderr closed, what the
        # interpreter says of a broken stdout at its exit goes unseen.
        sys.stderr.close()
        return 0
    except (SparringError, OSError) as fault:
        _tell(f"{program}: {_one_line(fault)}")
        return 2
    except KeyboardInterrupt:
        _tell(f"{program}: interrupted")
        # 128 + SIGINT, as shells have it.
        return 130


def _tell(line: str) -> None:
    """Write a line to stderr at once: `print` without a buffer writes its end apart from it, and another
    process (a launcher that ends its workers) may write between the two."""
    sys.stderr.write(f"{line}\n")


def _one_line(fault: Exception) -> str:
    """What the fault says; of the system's errors the file and the reason, without their number."""
    if isinstance(fault, OSError) and fault.strerror:
        return f"{fault.filename}: {fault.strerror}" if fault.filename else fault.strerror
    return " ".join(str(fault).split()) or type(fault).__name__
