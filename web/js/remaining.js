/** The lines that the server puts on a node while it runs, and the editor shows: which of them are true at its end.
 *
 * The time that is left no longer is when the run has ended before the node has. "done in 21 s", or what a picture had to
 * be left without, still is; newer editors take all of them away.
 */

import { app } from '../../../scripts/app.js'

const NAME = '$$node-text-preview' // the editor's place for it
const LINE = /^\d+ %, about .* left$/
const ENDS = ['execution_interrupted', 'execution_error', 'reconnected']

const said = new Map() // by execution id of the node: its last line, and the workflow that was open

app.registerExtension({
  name: 'hiresfixupscale.remaining',
  setup() {
    for (const end of ENDS) app.api.addEventListener(end, () => clear(app.rootGraph))
    app.api.addEventListener('execution_start', () => said.clear())
    app.api.addEventListener('progress_text', ({ detail }) => {
      if (!detail.isRepeated) said.set(String(detail.nodeId), { text: detail.text, workflow: opened() })
    })
    app.api.addEventListener('execution_success', () => setTimeout(repeat)) // after the editor's own listeners
  },
})

function opened() {
  return app.extensionManager.workflow.activeWorkflow
}

/** Take the time that is left off every node, also off boxes and what is in them. */
function clear(graph) {
  for (const node of graph.nodes) {
    const line = node.widgets?.find(({ name, value }) => name === NAME && LINE.test(value))
    if (line) node.removeWidget(line)
    if (node.subgraph) clear(node.subgraph)
  }
}

/** Show what still is true again, unless another workflow is open by now. */
function repeat() {
  for (const [nodeId, { text, workflow }] of said)
    if (!LINE.test(text) && workflow === opened())
      app.api.dispatchCustomEvent('progress_text', { nodeId, text, isRepeated: true })
}
