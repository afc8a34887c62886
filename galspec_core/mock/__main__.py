"""python -m galspec_core.mock FOLDER --n 5000 --seed 1: write a simulated survey."""

import argparse

from galspec_core.mock.survey import MockConfig, write_survey


def main():
    """Read the command line and write the survey."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--n", type=int, default=MockConfig.n, help="number of spectra")
    parser.add_argument("--seed", type=int, default=MockConfig.seed)
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    write_survey(MockConfig(args.n, args.seed), args.folder, args.processes)


if __name__ == "__main__":
    main()
