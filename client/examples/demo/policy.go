package main

import (
	"embed"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// additions is all that the demo's policy has of its own: data, and no rule and no limit.
//
//go:embed policy
var additions embed.FS

// writePolicy copies the shipped pack into the temporary folder and writes the demo's accounts and its test over those that the pack
// has as examples.
func writePolicy(root, folder string, now time.Time) error {
	if err := os.CopyFS(filepath.Join(folder, "policy"), os.DirFS(filepath.Join(root, "rego"))); err != nil {
		return err
	}
	// The test began a week ago and goes on for two more.
	dates := strings.NewReplacer(
		"{{starts}}", now.AddDate(0, 0, -7).UTC().Format(time.RFC3339),
		"{{ends}}", now.AddDate(0, 0, 14).UTC().Format(time.RFC3339),
	)
	for _, name := range []string{"policy/accounts/data.yaml", "policy/experiments/data.yaml", "policy/people/data.yaml", "policy/routes/data.yaml"} {
		content, err := additions.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(dates.Replace(string(content))), 0o644); err != nil {
			return err
		}
	}
	return nil
}
