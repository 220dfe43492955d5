// Whether the package can be installed in the projects that people have: npm resolves each with it, and refuses none.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run } from './shell.js'

const react18 = { react: '18.3.1', 'react-dom': '18.3.1' }

/** What the projects depend on: the stacks most used, each in a version that is older than ours as well. */
const PROJECTS = {
  'React 18 and Vite': { ...react18, vite: '5' },
  Strapi: {
    '@strapi/strapi': '5.54.0',
    ...react18,
    'react-router-dom': '6',
    'styled-components': '6',
    pg: '8.13.0',
  },
  'Next 14': { next: '14', ...react18, pg: '8.13.0' },
  'Next, Drizzle of before': { next: '15', react: '19', 'react-dom': '19', 'drizzle-orm': '0.30', pg: '8' },
  'Nest and TypeORM': {
    '@nestjs/core': '10',
    '@nestjs/common': '10',
    '@nestjs/platform-express': '10',
    '@nestjs/typeorm': '10',
    'reflect-metadata': '0.2',
    rxjs: '7',
    typeorm: '0.3.20',
    pg: '8.11.6',
  },
  'Express 4 and Sequelize': { express: '4', sequelize: '6', pg: '8.11.0', 'pg-hstore': '2' },
  'Fastify, Kysely of before': { fastify: '4', '@fastify/postgres': '5', kysely: '0.26', pg: '8.16.0' },
  'Remix 2': { '@remix-run/node': '2', '@remix-run/react': '2', '@remix-run/serve': '2', ...react18 },
  'React Router 7': {
    'react-router': '7',
    '@react-router/node': '7',
    react: '19',
    'react-dom': '19',
  },
  'Gatsby 5': { gatsby: '5', ...react18 },
  'Expo 51': { expo: '51', 'react-native': '0.74.5', react: '18.2.0' },
  'Angular 18': {
    '@angular/core': '18',
    '@angular/common': '18',
    '@angular/compiler': '18',
    '@angular/platform-server': '18',
    '@angular/platform-browser': '18',
    '@angular/animations': '18',
    rxjs: '7',
    'zone.js': '0.14',
  },
  // A newer knex refuses these streams itself.
  'streams of before': { pg: '8.11.0', 'pg-query-stream': '4.5.0', 'pg-cursor': '2.10.0', knex: '3.1.0' },
  'OpenTelemetry of before': { '@opentelemetry/api': '1.9.0', '@opentelemetry/sdk-node': '0.57.2', pg: '8' },
  'Arrow of before': { 'apache-arrow': '17', pg: '8' },
}

/** Resolves to what npm said of the projects that it refused. */
export async function beside(names = Object.keys(PROJECTS)) {
  const folder = await mkdtemp(join(tmpdir(), 'enginelight-beside-'))
  try {
    const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: root,
      capture: true,
    })
    if (packed.code !== 0) return { code: 1, output: packed.output }
    const [{ filename }] = JSON.parse(packed.output.slice(packed.output.indexOf('[')))
    const refused = []
    for (const name of names) {
      const dependencies = { knex: '3', ...PROJECTS[name], enginelight: `file:${join(folder, filename)}` }
      await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }))
      await rm(join(folder, 'package-lock.json'), { force: true })
      const args = [
        'install',
        '--package-lock-only',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--prefer-offline',
      ]
      const { code, output } = await run('npm', args, { cwd: folder, capture: true })
      if (code !== 0) refused.push(`${name}:\n${output}`)
    }
    return { code: refused.length === 0 ? 0 : 1, output: refused.join('\n') }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
