/** Workflows from A1111's generation text: out of a picture, also a dropped one, a text file or the clipboard. */

import { app } from '../../../scripts/app.js'
import { LIFE, tell } from './messages.js'
import { LOADERS, parts, stem } from './picture_names.js'

const PICTURES_AND_TEXTS = 'image/png,image/jpeg,image/webp,image/avif,image/tiff,text/plain'

const SHOWN = 6 // lines of it; a note in the workflow has all

const DROPPED = 'HiresFix.DroppedPictures'
const HEAD = 2 ** 20 // bytes of a PNG file that are looked at: its texts come before its pixels
const A1111_TEXT = /(tEXt|iTXt)parameters\0[^]*?\bSteps: \d/
const COMPRESSED_TEXT = /(zTXtparameters\0|iTXtparameters\0\x01)/ // by another program: the editor does not read these
const COMFYUI_TEXT = /(tEXt|iTXt|zTXt)(workflow|prompt)\0/

app.registerExtension({
  name: 'hiresfixupscale.infotext',
  settings: [
    {
      id: 'HiresFix.DroppedPictures',
      name: 'Hires Fix: opens PNG pictures of A1111 as workflows of its own nodes, and the workflows in JPEG and TIFF files',
      category: ['Hires Fix', 'A1111', 'DroppedPictures'],
      type: 'boolean',
      defaultValue: true,
    },
  ],
  setup: takeDroppedPictures,
  commands: [
    {
      id: 'HiresFix.WorkflowFromFile',
      label: 'Hires Fix: Workflow from A1111 picture',
      icon: 'pi pi-image',
      function: () => orTell(async () => openFile(await chosenFile())),
    },
    {
      id: 'HiresFix.WorkflowFromClipboard',
      label: 'Hires Fix: Workflow from A1111 text in clipboard',
      icon: 'pi pi-clipboard',
      function: () => orTell(async () => openText(await clipboardText())),
    },
  ],
  menuCommands: [{ path: ['File'], commands: ['HiresFix.WorkflowFromFile', 'HiresFix.WorkflowFromClipboard'] }],
  getNodeMenuItems(node) {
    const picture = node.widgets?.find(({ name }) => name === 'image')?.value
    if (!LOADERS.includes(node.comfyClass) || !picture) return []
    const callback = () => orTell(async () => openPicture(await loadedPicture(picture), picture))
    return [{ content: 'Hires Fix: Workflow from A1111 text of picture', callback }]
  },
})

/** Open pictures of A1111 in place of the editor, which reads only some of their text and rounds their sizes. */
function takeDroppedPictures() {
  const handleFile = app.handleFile
  if (typeof handleFile !== 'function') return // another editor: it opens them itself
  app.handleFile = async function (file, ...more) {
    const text = app.extensionManager.setting.get(DROPPED) && (await textOfA1111(file))
    const isDone = text && (await orTell(() => openPicture(file, file.name)))
    // what could not be opened, the editor may; on a compressed text it hangs
    if (!isDone && text !== 'compressed') return handleFile.call(this, file, ...more)
  }
}

/** How A1111's text stands in a file: 'plain' or 'compressed', or not at all, or beside the graph of ComfyUI. */
async function textOfA1111(file) {
  if (file.type !== 'image/png') return null
  const head = new TextDecoder('latin1').decode(await file.slice(0, HEAD).arrayBuffer())
  if (COMFYUI_TEXT.test(head)) return null
  return COMPRESSED_TEXT.test(head) ? 'compressed' : A1111_TEXT.test(head) ? 'plain' : null
}

/** The file that the user picks; nothing if there is none after all. */
function chosenFile() {
  const input = Object.assign(document.createElement('input'), { type: 'file', accept: PICTURES_AND_TEXTS })
  return new Promise((resolve) => {
    input.addEventListener('change', () => resolve(input.files[0]))
    input.addEventListener('cancel', () => resolve(undefined))
    input.click()
  })
}

async function clipboardText() {
  // browsers have it for pages from this computer or by HTTPS only
  if (!navigator.clipboard) throw new Error('The browser keeps the clipboard from this page. Use a .txt file instead.')
  return navigator.clipboard.readText()
}

/** The file behind a value such as "folder/name.png [output]". */
async function loadedPicture(value) {
  const answer = await app.api.fetchApi(`/view?${new URLSearchParams(parts(value))}`)
  if (!answer.ok) throw new Error(`There is no picture '${value}' on the server.`)
  return answer.blob()
}

async function openFile(file) {
  if (file) await (file.type.startsWith('text/') ? openText(await file.text(), file.name) : openPicture(file, file.name))
}

function openText(text, fileName) {
  return open(JSON.stringify({ text }), 'application/json', fileName)
}

function openPicture(blob, fileName) {
  return open(blob, 'application/octet-stream', fileName)
}

/** Have the server make the workflow, and open it in a tab of its own, named as the file if there is one. */
async function open(body, type, fileName) {
  const answer = await app.api.fetchApi('/hires-fix/from-infotext', {
    method: 'POST',
    headers: { 'Content-Type': type },
    body,
  })
  // a proxy in between, or a server that fails, answers with a page
  const { workflow, notes, error } = await answer.json().catch(() => ({ error: `The server says ${answer.status}.` }))
  if (error) throw new Error(error)
  await app.loadGraphData(workflow, true, true, tabName(fileName))
  tell('success', 'Workflow from A1111 text', inShort(notes) || 'All of it is in this workflow.', LIFE)
}

function inShort(notes) {
  const more = notes.length - SHOWN
  return (more > 0 ? [...notes.slice(0, SHOWN), `And ${more} more, see the note in the workflow.`] : notes).join('\n')
}

/** As the editor names the tabs of dropped files. */
function tabName(fileName) {
  return (fileName && stem(fileName)) || null
}

/** Do it; whether it could be done. */
async function orTell(action) {
  try {
    await action()
    return true
  } catch (error) {
    tell('error', 'No workflow from A1111 text', error.message)
    return false
  }
}
