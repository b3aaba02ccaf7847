/** Dropped JPEG and TIFF files open the workflow that is in them; the editor itself looks into PNG, WebP and AVIF only. */

import { app } from '../../../scripts/app.js'

const DROPPED = 'HiresFix.DroppedPictures'
const JPEG = 'image/jpeg'
const HEAD = 2 ** 20 // bytes of a JPEG file that are looked at: its texts come before its pixels

app.registerExtension({ name: 'hiresfixupscale.workflow_in_picture', setup: takeDroppedPictures })

function takeDroppedPictures() {
  const handleFile = app.handleFile
  if (typeof handleFile !== 'function') return // another editor: it opens them itself
  app.handleFile = async function (file, ...more) {
    const isAsked = isOurs(file) && app.extensionManager.setting.get(DROPPED)
    if (!(isAsked && (await open(file)))) return handleFile.call(this, file, ...more)
  }
}

function isOurs({ name, type }) {
  return type === JPEG || type === 'image/tiff' || /\.tiff?$/i.test(name)
}

/** Open the workflow of a file, or else its graph for the server; whether there was one. */
async function open(file) {
  const { workflow, prompt } = await graphsIn(file.type === JPEG ? file.slice(0, HEAD) : file)
  const name = file.name.replace(/\.\w+$/, '')
  if (workflow) await app.loadGraphData(workflow, true, true, name)
  else if (prompt) app.loadApiJson(prompt, name)
  return Boolean(workflow || prompt)
}

/** What the server finds; nothing if it cannot be asked, since the editor makes a Load Image of the file then. */
async function graphsIn(body) {
  try {
    const headers = { 'Content-Type': 'application/octet-stream' }
    const answer = await app.api.fetchApi('/hires-fix/workflow-in-picture', { method: 'POST', headers, body })
    return answer.ok ? await answer.json() : {}
  } catch {
    return {}
  }
}
