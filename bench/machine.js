import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'

/** Taken before anything is started: above some tenths, somebody else is at work and the figures are worth little. */
const [loadBefore] = loadavg()

const VERSIONS = ['pg', 'knex']

/** What the figures were measured on: they mean little elsewhere, their ratios somewhat more. */
export function machine(postgres) {
  const all = cpus()
  return {
    cpu: `${all.length} cores of ${all[0]?.model.trim()}`,
    node: `Node ${process.versions.node}`,
    postgres: `PostgreSQL ${postgres}`,
    packages: VERSIONS.map(name => `${name} ${versionOf(name)}`).join(', '),
    load: `load ${loadBefore.toFixed(1)} before`,
    date: new Date().toISOString().slice(0, 10),
  }
}

function versionOf(name) {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')).version
}
