"""Options of the test suite."""


def pytest_addoption(parser):
    parser.addoption(
        "--vary-seed",
        action="store_true",
        help="draw other random numbers than always, to measure how often statistical tests really fail",
    )
