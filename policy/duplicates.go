package policy

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// onlyOnce complains of a key that stands twice in one object. Readers of JSON and YAML take the last
// one silently: a ceiling set a second time, a screen further down, would hold and nobody would know.
func onlyOnce(content []byte) error {
	if json.Valid(content) {
		return onlyOnceInJSON(json.NewDecoder(bytes.NewReader(content)))
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return err
	}
	return onlyOnceInYAML(&document)
}

func onlyOnceInYAML(node *yaml.Node) error {
	lines := map[string]int{}
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			if line, twice := lines[child.Value]; twice && child.Kind == yaml.ScalarNode && child.Value != "<<" {
				return fmt.Errorf("line %d: %s is said twice; line %d says it first", child.Line, child.Value, line)
			}
			lines[child.Value] = child.Line
		}
		if err := onlyOnceInYAML(child); err != nil {
			return err
		}
	}
	return nil
}

// onlyOnceInJSON reads one value of what is known to be JSON.
func onlyOnceInJSON(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	keys := map[any]bool{}
	for decoder.More() {
		if open == '{' {
			key, err := decoder.Token()
			if err != nil {
				return err
			}
			if keys[key] {
				return fmt.Errorf("%s is said twice", key)
			}
			keys[key] = true
		}
		if err := onlyOnceInJSON(decoder); err != nil {
			return err
		}
	}
	_, err = decoder.Token() // the end of it
	return err
}
