module github.com/watfiber/watfiber

go 1.26.1

require github.com/alecthomas/participle/v2 v2.1.4

require (
	github.com/eliben/watgo v0.4.0 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/tetratelabs/wazero v1.12.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
)
