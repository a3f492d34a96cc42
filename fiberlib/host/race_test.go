//go:build race

package host_test

func init() { manyCalls = 1000 }
