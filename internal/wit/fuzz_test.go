package wit

import (
	"os"
	"testing"
)

// JSON of any kind is a world or an error, in time and memory that the length allows.
func FuzzJSON(f *testing.F) {
	for _, path := range []string{"testdata/timers.json", "testdata/everything.json"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = append([]byte("{"), data[min(1, len(data)):]...) // not text, which takes long
		w, err := Read("fuzz.json", data, "")
		if err == nil {
			lines(w)
		}
	})
}
