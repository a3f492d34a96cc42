# List the recipes.
default:
    @just --list

# Build the command.
build:
    go build -o watfiber ./cmd/watfiber

# Run all tests; those that need another tool or a corpus say that they skip.
test:
    go test ./...

# Check the goldens; arguments go to go test, such as -run Golden/loop_.
golden *ARGS:
    go test ./golden {{ARGS}}

# Write the goldens and the expected output of the command line anew, then show what changed.
update *ARGS:
    go test ./golden -update {{ARGS}}
    WATFIBER_UPDATE=1 go test ./internal/cli
    git diff --stat -- golden internal/cli

# Fuzz a target of a package, such as: just fuzz ./wat FuzzParse 1m
fuzz PKG TARGET T="30s":
    go test {{PKG}} -run '^$' -fuzz '^{{TARGET}}$' -fuzztime {{T}}

# Format, vet and lint.
lint:
    test -z "$(gofmt -l .)"
    go vet ./...
    go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

# Measure against wasm-opt and the engines, which are fetched once, and write docs/benchmarks.md.
bench *ARGS:
    go run ./bench {{ARGS}}

# Check that what documents show is what the tool prints.
docs:
    go test ./internal/rules ./golden -run "TestDocuments|TestImports"

# Everything that continuous integration does.
ci:
    bash .ci/run
