#!/usr/bin/env bash
# Makes the JSON Schemas beside this file from the TypeScript types that Grafana publishes, with npm.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . \
	@grafana/schema@13.2.3 ts-json-schema-generator@2.4.0 typescript@5.9.3
types=node_modules/@grafana/schema/dist/types/raw
schema() { # TYPES TYPE FILE
	npx ts-json-schema-generator --path "$types/$1/x/types.gen.d.ts" --type "$2" --no-type-check --expose all --minify >"$here/$3.json"
	echo >>"$here/$3.json"
}
schema dashboard Dashboard dashboard
for panel in stat timeseries statetimeline heatmap table; do
	schema "composable/$panel/panelcfg" Options "$panel-options"
done
for panel in timeseries statetimeline heatmap table; do
	schema "composable/$panel/panelcfg" FieldConfig "$panel-field"
done
