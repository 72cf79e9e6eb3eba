"""Writes what the verifier of `tests/verifier` answers to each vector, as a line of JSON each: `answers.py VECTORS ANSWERS`.

`check.py` says whether it agrees with a vector; here are its verdicts in full, so that another verifier's facts can be
compared with them.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tests" / "verifier"))

from check import Checker  # noqa: E402


def main() -> None:
    """The command."""
    vectors, answers = sys.argv[1:]
    with open(vectors, encoding="ascii") as lines, open(answers, "w", encoding="ascii") as output:
        checker = Checker(json.loads(next(lines)))
        for line in lines:
            output.write(json.dumps(checker.run(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
