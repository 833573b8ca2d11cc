#!/usr/bin/env bash
# Compares the API with that of the main branch, and fails when clients of the latter would break. On the main branch itself it
# compares with the commit before: HEAD while the .proto files are being edited, otherwise the parent of HEAD.
# Where there is nothing to compare with it says so and passes. To break the API on purpose, name the rule under `breaking` in
# buf.yaml.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
	echo "proto-breaking: skipped: $1"
	exit 0
}

head=$(git rev-parse --quiet --verify 'HEAD^{commit}' 2>/dev/null) || skip 'no git history here'

base=
for branch in origin/main main; do
	base=$(git rev-parse --quiet --verify "$branch^{commit}") && break
done
[ -n "$base" ] || skip 'this clone has no main branch'

if [ "$base" = "$head" ] && [ -z "$(git status --porcelain -- proto/bidrail)" ]; then
	base=$(git rev-parse --quiet --verify 'HEAD^^{commit}') || skip 'this clone has no commit before HEAD (the first commit, or a shallow clone)'
fi
git cat-file -e "$base:proto/bidrail" 2>/dev/null || skip "no proto/bidrail in ${base:0:12}"

before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
git archive "$base" buf.yaml proto | tar -x -C "$before"
echo "proto-breaking: against ${base:0:12}"
go tool -modfile=tools/buf/go.mod buf breaking --exclude-imports --against "$before"
