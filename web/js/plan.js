/** What a run will do, on the nodes before it runs: sizes, tiles, steps; and a message if it had better not. */

import { app } from '../../../scripts/app.js'
import { LIFE, tell } from './messages.js'

const WAIT = 300 // milliseconds after the last change

// A property of an object that Vue watches: Nodes 2.0 draws a badge again when what it has read there changes
const NEWS = 'hiresFixPlan'

const LINE = { fgColor: '#e0e0e0', bgColor: '#2a3a4a' }
const WARNING = { fgColor: '#ffffff', bgColor: '#8a5200' }

let timer // of the next look at the graph
let turn = 0 // counts the looks, so that a late answer is known
let asked = null // the last question that was answered,
let plan = {} // and its answer: { [path of a node]: { text, warning } }
let told = '' // the last message
const badges = new WeakMap() // by node, what it shows
const carriers = new WeakSet() // nodes that have a place for it

app.registerExtension({
  name: 'hiresfixupscale.plan',
  setup() {
    app.api.addEventListener('graphChanged', soon)
    app.canvasContainer.addEventListener('change', soon) // a field of Nodes 2.0, which the editor notes later
    app.api.addEventListener('reconnected', anew)
    app.api.addEventListener('promptQueueing', () => quietly(warn))
  },
  afterConfigureGraph: soon,
  nodeCreated(node) {
    if (!isOurs(node) && !node.subgraph) return
    addPlace(node) // now: what Nodes 2.0 does not see when it first draws a node, it never looks for
    soon()
  },
})

function soon() {
  clearTimeout(timer)
  timer = setTimeout(() => quietly(look), WAIT)
}

/** The server is back: it did not answer before, or has other files and memory now. */
function anew() {
  asked = null
  soon()
}

/** Nobody is to be disturbed because a line is missing. */
async function quietly(action) {
  try {
    await action()
  } catch (error) {
    console.debug('Hires Fix:', error)
  }
}

/** Ask the server about the graph as it is now, and show the answer. */
async function look() {
  const mine = ++turn
  const nodes = [...everyNode(app.rootGraph)]
  const isAsked = nodes.some(([, node]) => isOurs(node)) && !nodes.some(([, node]) => uploads(node))
  const question = isAsked ? JSON.stringify({ prompt: (await app.graphToPrompt()).output }) : ''
  const answer = question === asked ? plan : await answerTo(question)
  if (mine !== turn) return
  asked = answer ? question : null
  plan = answer ?? {}
  showAll()
}

async function answerTo(question) {
  if (!question) return {}
  const headers = { 'Content-Type': 'application/json' }
  try {
    const answer = await app.api.fetchApi('/hires-fix/plan', { method: 'POST', headers, body: question })
    if (answer.ok) return await answer.json()
    console.debug('Hires Fix:', answer.status, await answer.text())
  } catch (error) {
    console.debug('Hires Fix:', error)
  }
}

/** Tell once what is wrong with the graph that is being queued. */
async function warn() {
  clearTimeout(timer)
  asked = null // memory and files may have changed
  await look()
  const titles = new Map()
  for (const [path, node] of everyNode(app.rootGraph)) {
    const { warning } = plan[path] ?? {}
    if (warning) titles.set(warning, node.title)
  }
  const message = [...titles].map(([warning, title]) => `${title}: ${warning}`).join('\n')
  if (message && message !== told) tellBefore(message)
  told = message
}

function tellBefore(detail) {
  tell('warn', 'Before this run', detail, LIFE)
}

function isOurs(node) {
  return node.comfyClass?.startsWith('HiresFix') ?? false
}

/** Whether a node records or draws something and uploads it each time its values are asked for. */
function uploads(node) {
  return node.widgets?.some(({ serializeValue }) => serializeValue?.constructor.name === 'AsyncFunction')
}

/** Every node, also inside of boxes, with its path as the server knows it: "4", or "7:4" in box 7. */
function* everyNode(graph, before = '') {
  for (const node of graph.nodes) {
    const path = `${before}${node.id}`
    yield [path, node]
    if (node.subgraph) yield* everyNode(node.subgraph, `${path}:`)
  }
}

function showAll() {
  const lines = new Map()
  for (const [path, node] of everyNode(app.rootGraph)) {
    const line = node.subgraph ? lastInside(`${path}:`) : plan[path]
    // two boxes of a kind share the nodes inside: what is not the same in both is shown on the boxes only
    const isSame = !lines.has(node) || lines.get(node)?.text === line?.text
    lines.set(node, isSame ? line : undefined)
  }
  for (const [node, line] of lines) show(node, line)
}

/** What a box shows: the line of the last node in it that has one, and its first warning. */
function lastInside(path) {
  const lines = Object.entries(plan).filter(([key]) => key.startsWith(path))
  const warning = lines.find(([, line]) => line.warning)?.[1].warning
  return lines.length ? { text: lines.at(-1)[1].text, warning } : undefined
}

function show(node, line) {
  const text = line ? [line.warning ? '⚠' : '', line.text].filter(Boolean).join(' ') : ''
  const old = badges.get(node)
  if (text === (old?.text ?? '') && line?.warning === old?.warning) return
  addPlace(node)
  if (!carriers.has(node)) return
  const onClick = line?.warning && (() => tellBefore(`${node.title}: ${line.warning}`))
  const badge = new window.LGraphBadge({ text, onClick, ...(line?.warning ? WARNING : LINE) })
  badges.set(node, Object.assign(badge, { warning: line?.warning }))
  node.setDirtyCanvas(true, true)
  app.extensionManager[NEWS] = turn
}

function addPlace(node) {
  if (carriers.has(node) || !window.LGraphBadge || !Array.isArray(node.badges)) return // another editor: no lines
  carriers.add(node)
  const nothing = new window.LGraphBadge({ text: '' })
  node.badges.push(() => {
    void app.extensionManager[NEWS]
    return badges.get(node) ?? nothing
  })
}
