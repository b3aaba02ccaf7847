/** In an App the editor only says that a node failed: the sentence that says why, and what to change, comes beside it. */

import { app } from '../../../scripts/app.js'
import { LIFE, tell } from './messages.js'

const FORM = '[data-testid=linear-run-button]'

app.registerExtension({
  name: 'hiresfixupscale.errors_in_forms',
  setup() {
    app.api.addEventListener('execution_error', ({ detail }) => tellWhy(detail))
  },
})

function tellWhy({ exception_message }) {
  const isForm = document.querySelector(FORM)?.checkVisibility()
  if (!isForm || !exception_message) return
  tell('error', 'This run has failed', exception_message.trim(), LIFE)
}
