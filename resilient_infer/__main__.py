"""`python -m resilient_infer` is the command `resilient-infer`."""

from resilient_infer.cli.main import main

if __name__ == "__main__":
    main()
