// The rules, alerts and dashboards of ocsp_exporter as a monitoring mixin: the same files, and what is to be set in them.
{
  _config+:: {
    // Where docs/runbooks of the project is, and Grafana's address with /d.
    runbooks: 'docs/runbooks',
    dashboards: '/d',
    // Thresholds by their names in the first group of rules, for example
    // thresholds+: { 'ocsp:threshold_staple_remaining_seconds': '8 * 3600' }
    thresholds: {},
  },

  local configured(rule) =
    local name = std.get(rule, 'record', '');
    if name == 'ocsp:links' then
      rule { labels: { runbooks: $._config.runbooks, dashboards: $._config.dashboards } }
    else if std.objectHas($._config.thresholds, name) then
      rule { expr: 'vector(%s)' % $._config.thresholds[name] }
    else rule,

  local known = [rule.record for rule in file.groups[0].rules],
  local unknown = [name for name in std.objectFields($._config.thresholds) if !std.member(known, name)],

  local file = std.parseYaml(importstr 'prometheus/ocsp_exporter.yaml'),
  local groups =
    assert unknown == [] : 'no such threshold: ' + std.join(', ', unknown);
    [group { rules: std.map(configured, group.rules) } for group in file.groups],
  local alerts(group) = std.objectHas(group.rules[0], 'alert'),

  prometheusRules+:: { groups+: [group for group in groups if !alerts(group)] },
  prometheusAlerts+:: { groups+: [group for group in groups if alerts(group)] },
  grafanaDashboards+:: {
    'ocsp-fleet.json': import 'grafana/ocsp-fleet.json',
    'ocsp-target.json': import 'grafana/ocsp-target.json',
    'ocsp-responders.json': import 'grafana/ocsp-responders.json',
    'ocsp-exporter.json': import 'grafana/ocsp-exporter.json',
  },
}
