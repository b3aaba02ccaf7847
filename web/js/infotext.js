/** Workflows from A1111's generation text: out of a picture, a text file or the clipboard. */

import { app } from '../../../scripts/app.js'

const LOADERS = ['LoadImage', 'HiresFixLoadImage']
const PICTURES_AND_TEXTS = 'image/png,image/jpeg,image/webp,image/avif,image/tiff,text/plain'

app.registerExtension({
  name: 'HiresFix.Infotext',
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
    const callback = () => orTell(async () => openPicture(await loadedPicture(picture)))
    return [{ content: 'Hires Fix: Workflow from A1111 text of picture', callback }]
  },
})

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
  const [, subfolder = '', filename, type = 'input'] = value.match(/^(?:(.*)\/)?(.+?)(?: \[(input|output|temp)\])?$/)
  const answer = await app.api.fetchApi(`/view?${new URLSearchParams({ filename, subfolder, type })}`)
  if (!answer.ok) throw new Error(`There is no picture '${value}' on the server.`)
  return answer.blob()
}

async function openFile(file) {
  if (file) await (file.type.startsWith('text/') ? openText(await file.text()) : openPicture(file))
}

function openText(text) {
  return open(JSON.stringify({ text }), 'application/json')
}

function openPicture(blob) {
  return open(blob, 'application/octet-stream')
}

/** Have the server make the workflow, and open it in a tab of its own. */
async function open(body, type) {
  const answer = await app.api.fetchApi('/hires-fix/from-infotext', {
    method: 'POST',
    headers: { 'Content-Type': type },
    body,
  })
  const { workflow, notes, error } = await answer.json()
  if (error) throw new Error(error)
  await app.loadGraphData(workflow)
  tell('success', 'Workflow from A1111 text', notes.join(' ') || 'All of it is in this workflow.', 20000)
}

async function orTell(action) {
  try {
    await action()
  } catch (error) {
    tell('error', 'No workflow from A1111 text', error.message)
  }
}

function tell(severity, summary, detail, life) {
  app.extensionManager.toast.add({ severity, summary, detail, life })
}
