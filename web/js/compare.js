/** Before and After: two pictures, one over the other, and an edge between them that follows the pointer.
 *
 * Core's node of this kind works in Nodes 2.0 only. This one is an element of the page, which both renderers show.
 */

import { app } from '../../../scripts/app.js'

const KIND = 'HiresFixCompare'
const SIDES = { a: 'before', b: 'after' }
const LEAST_HEIGHT = 160
const FIRST_SIZE = [320, 360]

const STYLE = `
.hires-fix-compare { container-type: size; position: relative; width: 100%; height: 100%; min-height: ${LEAST_HEIGHT}px;
  display: flex; align-items: center; justify-content: center; overflow: hidden; user-select: none; }
.hires-fix-compare > div { --edge: 50%; position: relative; cursor: ew-resize; touch-action: none;
  width: min(100cqw, 100cqh * var(--ratio)); aspect-ratio: var(--ratio); }
.hires-fix-compare img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: fill; }
.hires-fix-compare .both img.before { clip-path: inset(0 calc(100% - var(--edge)) 0 0); }
.hires-fix-compare .both img.after { clip-path: inset(0 0 0 var(--edge)); }
.hires-fix-compare hr { position: absolute; inset: 0 auto 0 var(--edge); width: 2px; height: auto; margin: 0 0 0 -1px;
  border: 0; background: #fff; box-shadow: 0 0 2px #000; pointer-events: none; }
.hires-fix-compare span, .hires-fix-compare button { position: absolute; bottom: 4px; padding: 0 6px; border: 0;
  border-radius: 4px; background: #000a; color: #fff; font: 11px/16px sans-serif; }
.hires-fix-compare span { pointer-events: none; }
.hires-fix-compare span.before { left: 4px }
.hires-fix-compare span.after { right: 4px }
.hires-fix-compare button { bottom: auto; top: 4px; right: 4px; cursor: pointer; }
.hires-fix-compare p { margin: 0; padding: 8px; text-align: center; color: #999; font: 12px/16px sans-serif; }`

const views = new Map() // by node, the element that shows its pictures

app.registerExtension({
  name: 'hiresfixupscale.compare',
  setup() {
    document.head.append(make('style', { textContent: STYLE }))
  },
  nodeCreated(node) {
    if (node.comfyClass === KIND) addView(node)
  },
  // another tab was opened: the editor has kept what its nodes gave
  onNodeOutputsUpdated(outputs) {
    for (const node of views.keys()) show(node, outputs[locator(node)])
  },
})

function addView(node) {
  const view = make('div', { className: 'hires-fix-compare' })
  views.set(node, view)
  const options = { serialize: false, hideOnZoom: false, getMinHeight: () => LEAST_HEIGHT }
  node.addDOMWidget('compare', 'hires-fix-compare', view, options).serialize = false
  node.setSize(FIRST_SIZE.map((least, side) => Math.max(least, node.size[side])))
  const { onExecuted, onRemoved } = node
  node.onExecuted = function (output) {
    onExecuted?.call(this, output)
    show(node, output)
  }
  node.onRemoved = function () {
    onRemoved?.call(this)
    views.delete(node)
  }
  // over the drawn graph the wheel zooms, here as well; Nodes 2.0 sees to it itself
  view.addEventListener('wheel', (event) => window.LiteGraph.vueNodesMode || app.canvas.processMouseWheel(event))
  show(node)
}

/** The key of a node among the editor's outputs. */
function locator({ id, graph }) {
  return !graph || graph.isRootGraph ? String(id) : `${graph.id}:${id}`
}

/** Show the pictures of a run, or that there are none yet; pair by pair if there are several. */
function show(node, output, number = 0) {
  const given = { a: output?.a_images ?? [], b: output?.b_images ?? [] }
  const pairs = Math.max(given.a.length, given.b.length)
  const view = views.get(node)
  if (!pairs) {
    view.replaceChildren(make('p', { textContent: 'Shows both pictures after a run.' }))
    return
  }
  const frame = make('div')
  // of the larger batch each picture is compared; the other's last one stays
  const shown = Object.keys(SIDES).filter((side) => given[side].length)
  for (const side of shown) {
    const file = given[side][Math.min(number, given[side].length - 1)]
    const picture = make('img', { className: SIDES[side], draggable: false, alt: SIDES[side] })
    // both fill the same box; its shape is that of the result
    picture.onload = () => {
      if (side === shown.at(-1)) frame.style.setProperty('--ratio', picture.naturalWidth / picture.naturalHeight)
    }
    picture.src = app.api.apiURL(`/view?${new URLSearchParams(file)}${app.getRandParam()}`)
    frame.append(picture, make('span', { className: SIDES[side], textContent: SIDES[side] }))
  }
  if (shown.length === 2) addEdge(frame)
  if (pairs > 1) {
    const next = make('button', { textContent: `${number + 1}/${pairs}`, title: 'Next picture' })
    next.onclick = () => show(node, output, (number + 1) % pairs)
    next.onpointerdown = (event) => event.stopPropagation()
    frame.append(next)
  }
  view.replaceChildren(frame)
}

function addEdge(frame) {
  frame.classList.add('both')
  frame.append(make('hr'))
  const follow = ({ clientX }) => {
    const { left, width } = frame.getBoundingClientRect()
    const share = Math.min(Math.max((clientX - left) / width, 0), 1)
    frame.style.setProperty('--edge', `${100 * share}%`)
  }
  frame.addEventListener('pointermove', follow)
  frame.addEventListener('pointerdown', follow)
}

function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties)
}
