# The two commands of the README are `make run` and `make test`; the build itself is CMake's
# (CMakePresets.json). Programs land in build/bin.
.DEFAULT_GOAL := build
.PHONY: build run test bench asan tsan fuzz format lint clean packages-%

JOBS ?= $(shell nproc)
SECONDS_PER_FUZZER ?= 30

packages-%:
	@scripts/install-packages $(subst +, ,$*)

# $(call compile,PRESET,DIRECTORY[,CMAKE-ARGUMENTS]): configures quietly, builds everything.
define compile
	@mkdir -p $(2)
	@cmake --preset $(1) $(3) > $(2)/configure.log 2>&1 || { cat $(2)/configure.log; exit 1; }
	@cmake --build $(2) -j $(JOBS)
endef

# Programs alone need neither the test packages nor their time.
build: packages-build
	$(call compile,default,build,-DNETKIT_TESTS=OFF)

run: packages-build+run
	$(call compile,default,build,-DNETKIT_TESTS=OFF)
	@build/bin/netkit run examples/two-pods.yaml

test: packages-build+run+test
	$(call compile,default,build,-DNETKIT_TESTS=ON)
	@scripts/run-tests build

bench: packages-build+run+bench
	$(call compile,bench,build-bench)
	@scripts/run-benchmarks build-bench

asan: packages-build+run+test+sanitize
	$(call compile,asan,build-asan)
	@scripts/run-tests build-asan

tsan: packages-build+run+test+sanitize
	$(call compile,tsan,build-tsan)
	@scripts/run-tests build-tsan -LE kernel  # these compare one thread with the kernel, very slowly here

fuzz: packages-build+sanitize
	$(call compile,fuzz,build-fuzz)
	@scripts/run-fuzzers build-fuzz $(SECONDS_PER_FUZZER)

format: packages-lint
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i

lint: packages-build+test+lint
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 --dry-run --Werror
	$(call compile,lint,build-lint)

clean:
	rm -rf build build-asan build-tsan build-bench build-fuzz build-lint build-dev
