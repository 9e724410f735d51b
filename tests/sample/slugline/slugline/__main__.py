"""Command line: one title a line on standard input, or as arguments."""
import argparse
import sys

from . import unique


def main(argv=None):
    parser = argparse.ArgumentParser(prog="slugline", description=__doc__)
    parser.add_argument("title", nargs="*")
    parser.add_argument("--limit", type=int, default=60)
    args = parser.parse_args(argv)
    titles = args.title or [line.rstrip("\n") for line in sys.stdin]
    try:
        for line in unique(titles, args.limit):
            print(line)
    except ValueError as error:
        print("slugline: %s" % error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
