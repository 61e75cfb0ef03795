#!/usr/bin/env python3
"""Prints sets of a crate's features, one a line: few, but all that is near to one another meets.

    .ci/feature_sets.py Cargo.toml [FEATURES OF A DEPENDENCY...]

All sets of twenty features are a million. These are no feature, each alone, all, and as many more as it takes until any
three features were seen together in each state that they can have: none of them on, each one of them, each two, and
all. So a fault that needs two features with a third, or without it, is found. Features of a dependency, which another
crate in a build may switch on, are seen with each feature of the crate, and without it; several in one argument, with
commas between, count as one. The features come from Cargo.toml, so that a new one is never forgotten. The sets are the
same at each run.
"""

import itertools
import random
import sys
import tomllib

# In smoltcp they exclude each other.
EXCLUSIVE = {"log", "defmt"}
# Sets that are drawn for each that is taken.
DRAWN = 200


def read(manifest, others):
    """Every feature, with those that it switches on."""
    with open(manifest, "rb") as file:
        listed = tomllib.load(file)["features"]
    listed.pop("default", None)
    listed |= {other: [other] for other in others}
    # `smoltcp/proto-ipv6` switches `smoltcp` on, if that is a feature; `smoltcp?/proto-ipv6` does not.
    return {
        name: {value.split("/")[0] for value in values} & listed.keys() for name, values in listed.items()
    }


def closed(features, implied):
    """The features with all that they switch on."""
    features = set(features)
    while more := set().union(*(implied[name] for name in features)) - features:
        features |= more
    return frozenset(features)


def possible(on, off, implied):
    on = closed(on, implied)
    return not on & off and not EXCLUSIVE <= on


def states(implied, own):
    """What must be seen: of any three of its own features and of any two, those that are on and those that are off."""
    groups = [*itertools.combinations(own, 3), *itertools.combinations(implied, 2)]
    for group in groups:
        for count in range(len(group) + 1):
            for on in map(set, itertools.combinations(group, count)):
                off = set(group) - on
                if possible(on, off, implied):
                    yield on, off


def draw(on, off, implied, dice):
    """A set in which some features are on and some are off, and chance decides on all others."""
    on = set(on)
    for name in dice.sample(list(implied), len(implied)):
        if dice.random() < 0.5 and possible(on | {name}, off, implied):
            on.add(name)
    return closed(on, implied)


def feature_sets(implied, own):
    dice = random.Random(0)
    everything = {closed(implied.keys() - {name}, implied) for name in EXCLUSIVE}
    taken = [frozenset(), *(closed({name}, implied) for name in implied), *everything]
    missing = [state for state in states(implied, own) if not any(shows(features, state) for features in taken)]
    while missing:
        drawn = (draw(*missing[0], implied, dice) for _ in range(DRAWN))
        best = max(drawn, key=lambda features: sum(shows(features, state) for state in missing))
        taken.append(best)
        missing = [state for state in missing if not shows(best, state)]
    return dict.fromkeys(taken)


def shows(features, state):
    on, off = state
    return on <= features and not off & features


def main():
    manifest, *others = sys.argv[1:]
    implied = read(manifest, others)
    own = [name for name in implied if name not in others]
    for features in feature_sets(implied, own):
        print(",".join(name for name in implied if name in features))


main()
