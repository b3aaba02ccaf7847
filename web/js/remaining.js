/** The remaining time that the server puts on a node: no longer true when the run has ended before the node has. */

import { app } from '../../../scripts/app.js'

const NAME = '$$node-text-preview' // the editor's place for it, which nobody takes away
const LINE = /^\d+ %, about .* left$/
const ENDS = ['execution_interrupted', 'execution_error', 'reconnected']

app.registerExtension({
  name: 'hiresfixupscale.remaining',
  setup() {
    for (const end of ENDS) app.api.addEventListener(end, () => clear(app.rootGraph))
  },
})

/** Take it off every node, also off boxes and what is in them. */
function clear(graph) {
  for (const node of graph.nodes) {
    const line = node.widgets?.find(({ name, value }) => name === NAME && LINE.test(value))
    if (line) node.removeWidget(line)
    if (node.subgraph) clear(node.subgraph)
  }
}
