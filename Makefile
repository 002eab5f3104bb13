# The two commands of the README are `make serve` and `make test`; `make help` names the others.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help serve test tidy soak bench deny

help:
	@echo "make serve [ARGS='--listen …']   build Granary and start it on embedded defaults"
	@echo "make test                        format, lints, tidy, unit and product tests; last line: N passed, N failed"
	@echo "make tidy                        only cargo xtask tidy"
	@echo "make soak PART=<name>            one part with the full counts; its rows go to bench/SOAK.md"
	@echo "make bench [SCENARIO=<name>]     benchmarks, each prints a table"
	@echo "make deny                        licences, bans and sources of dependencies (needs cargo-deny)"

# The dev profile: quick to build, quick enough to use. Images and benchmarks use release.
serve:
	@exec cargo run --package granary -- serve $(ARGS)

test:
	@exec make/test.sh

tidy:
	@exec cargo xtask tidy

soak:
	@exec make/soak.sh "$(PART)"

bench:
	@exec make/bench.sh "$(SCENARIO)"

deny:
	@exec cargo deny check licenses bans sources
