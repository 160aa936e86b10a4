# The two commands of the README are `make run` and `make test`; the build itself is CMake's
# (CMakePresets.json). Programs land in build/bin.
.DEFAULT_GOAL := build
.PHONY: build run test bench asan tsan fuzz format lint clean packages-%

# Two jobs a core would swap small machines; one a core is what CI has.
JOBS ?= $(shell nproc)
SECONDS_PER_FUZZER ?= 30

packages-%:
	@scripts/install-packages $(subst +, ,$*)

# $(call compile,PRESET,DIRECTORY,TARGETS)
define compile
	@cmake --preset $(1) > $(2).configure.log 2>&1 || { cat $(2).configure.log; rm -f $(2).configure.log; exit 1; }
	@rm -f $(2).configure.log
	@cmake --build $(2) -j $(JOBS) --target $(3)
endef

build: packages-build
	$(call compile,default,build,all)

# Only what the main job needs: no tests are compiled.
run: packages-build+run
	$(call compile,default,build,netkit bpf_programs)
	@build/bin/netkit run examples/two-pods.yaml

test: packages-build+run+test
	$(call compile,default,build,all)
	@scripts/run-tests build

bench: packages-build+run+bench
	$(call compile,bench,build-bench,all)
	@scripts/run-benchmarks build-bench

asan: packages-build+run+test+sanitize
	$(call compile,asan,build-asan,all)
	@scripts/run-tests build-asan

tsan: packages-build+run+test+sanitize
	$(call compile,tsan,build-tsan,all)
	@scripts/run-tests build-tsan

fuzz: packages-build+sanitize
	$(call compile,fuzz,build-fuzz,all)
	@scripts/run-fuzzers build-fuzz $(SECONDS_PER_FUZZER)

format: packages-lint
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i

lint: packages-build+test+lint
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 --dry-run --Werror
	$(call compile,lint,build-lint,all)

clean:
	rm -rf build build-asan build-tsan build-bench build-fuzz build-lint build-dev
