// The page of docs/ on findings, made from the table: what `harmony check --explain` prints, all of it.
import { findings } from './table.ts'
import type { Page } from './page/page.ts'

/** Markdown, in the order of the table, areas apart. */
export function findingsReference(): string {
  const pages = Object.entries<Page>(findings)
  const areas = Map.groupBy(pages, ([code]) => code.slice(0, code.indexOf('/')))
  return [
    '# Findings',
    'What `harmony check` finds in a configuration. A code is stable; `harmony check --explain CODE` prints its entry. ' +
      'Errors keep the gateway from starting; warnings do so under `--strict`. The examples show what matters: the ' +
      'tables around it are left out. This page is made from the table of findings: `npm run docs` writes it.',
    '| code | severity | what |\n| --- | --- | --- |\n' +
      pages
        .map(([code, { severity, title }]) => `| [${code}](#${anchor(code)}) | ${severity} | ${escaped(title)} |`)
        .join('\n'),
    ...areas
      .entries()
      .map(([area, list]) => [`## ${area}`].concat(list.map(([code, page]) => entry(code, page))).join('\n\n')),
  ]
    .join('\n\n')
    .concat('\n')
}

function entry(code: string, { severity, title, meaning, why, wrong, right, prose }: Page): string {
  const example = (text: string): string => (prose === true ? text.trim() : `\`\`\`toml\n${text.trim()}\n\`\`\``)
  return [
    `### ${code}`,
    `${severity}: ${title}`,
    meaning,
    why,
    'Wrong:',
    example(wrong),
    'Right:',
    example(right),
  ].join('\n\n')
}

/** As renderers of Markdown make it from a heading. */
function anchor(code: string): string {
  return code.replaceAll('/', '')
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|')
}
