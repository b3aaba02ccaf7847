/** In an App the editor only says that a node failed: the sentence that says why, and what to change, comes beside it. */

import { app } from '../../../scripts/app.js'

const FORM = '[data-testid=linear-run-button]'
const LIFE = 30000 // milliseconds that a message stays
const LINES = 'whitespace-pre-line' // the editor's class for texts of several lines

app.registerExtension({
  name: 'hiresfixupscale.errors_in_forms',
  setup() {
    app.api.addEventListener('execution_error', ({ detail }) => tell(detail))
  },
})

function tell({ exception_message }) {
  const isForm = document.querySelector(FORM)?.checkVisibility()
  if (!isForm || !exception_message) return
  const toast = { severity: 'error', summary: 'This run has failed', detail: exception_message.trim() }
  app.extensionManager.toast.add({ ...toast, life: LIFE, styleClass: LINES })
}
