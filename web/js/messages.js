/** Messages of the pack, in a corner of the editor. */

import { app } from '../../../scripts/app.js'

export const LIFE = 20000 // milliseconds that most messages stay
const LINES = 'whitespace-pre-line' // the editor's class for texts of several lines

/** `severity`: "success", "info", "warn" or "error"; without `life`, in milliseconds, it stays until it is closed. */
export function tell(severity, summary, detail, life) {
  app.extensionManager.toast.add({ severity, summary, detail, life, styleClass: LINES })
}
