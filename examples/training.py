"""A tiny language model learns Kuhn poker by playing against itself, and the proof is exact.

    python examples/training.py            about a minute on two cores

NashConv is what both seats together could still gain against the model's own distribution, in antes a
game, over the whole game tree: 0 is the equilibrium, .917 is where a model that knows nothing starts.
"""

from sparring import train
from sparring.training.recipes import recipe
from sparring.training.settings import override

SETTINGS = ["steps=200", "rollout.games=64", "record.evaluate_every=50"]


def main() -> None:
    run = train(override(recipe("spiral"), SETTINGS))
    print(f"NashConv {run.metrics['nashconv']:.3f} at step {run.step}; the run: {run.folder}")


if __name__ == "__main__":
    main()
