// Command ping answers on port 8080; with -health it asks the one that runs.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"runtime"
)

var version = "dev"

func greeting() string {
	return fmt.Sprintf("ping %s for %s/%s as %d", version, runtime.GOOS, runtime.GOARCH, os.Getuid())
}

func main() {
	health := flag.Bool("health", false, "ask the service that runs whether it is well")
	say := flag.Bool("version", false, "print the greeting and end")
	flag.Parse()
	if *say {
		fmt.Println(greeting())
		return
	}
	if *health {
		answer, err := http.Get("http://127.0.0.1:8080/")
		if err != nil || answer.StatusCode != http.StatusOK {
			os.Exit(1)
		}
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, greeting()) })
	log.Fatal(http.ListenAndServe(":8080", nil))
}
